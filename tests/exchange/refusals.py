"""A refusal of the other exchange."""


class Refusal(Exception):
    def __init__(self, code, msg, status=400):
        super().__init__(msg)
        self.body, self.status = {"code": code, "msg": msg}, status
