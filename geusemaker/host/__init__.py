"""A deployed host: its status, logs, secrets and sessions, and the AWS calls for them.

service.py     calls EC2 and Systems Manager; every other module is pure
report.py      the status parameter, which the host writes
status.py      that report together with EC2's description: the host's state now
screen.py      a status in lines and as JSON, with the fix and the next commands
waiting.py     repeats the check until the host is ready or cannot become ready
logs.py        the script that reads the host's logs, and its output
secrets.py     the secrets parameter, and the logins for each service
session.py     the commands that open a session
costs.py       the costs of a stopped host
durations.py   "90s", "20m", "1h"
"""
