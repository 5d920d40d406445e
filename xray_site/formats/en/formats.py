"""English dates and times, as the pages write them: 24 hours, seconds, and the time zone's name."""

DATE_FORMAT = SHORT_DATE_FORMAT = "j M Y"
TIME_FORMAT = "H:i:s"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "j M Y H:i:s T"
MONTH_DAY_FORMAT = "j F"
