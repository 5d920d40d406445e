"""The pages of the platform: server-rendered, live over one websocket, usable without JavaScript."""
