"""A deployed host and its workers: status, logs, secrets and sessions, and the AWS calls for them.

service.py     calls EC2 and Systems Manager, worker_service.py Auto Scaling and S3; every other
               module is pure
report.py      the status parameter, which the host writes
status.py      that report together with EC2's description: the host's state now
workers.py     the same of each worker, and whether someone works on what waits in the queue
stack_status.py  both together
screen.py      a status in lines and as JSON, with the fix and the next commands
worker_screen.py  the same of the workers
waiting.py     repeats the check until the stack is ready or cannot become ready
logs.py        the script that reads the host's logs, and its output
secrets.py     the secrets parameter, and the logins for each service
session.py     the commands that open a session
costs.py       the costs of a stopped host
durations.py   "90s", "20m", "1h"
"""
