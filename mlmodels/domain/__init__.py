"""Learning as plain Python and arrays: no Django, no I/O, no clock."""
