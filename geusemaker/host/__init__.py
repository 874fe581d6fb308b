"""What the commands for a running host say and ask. Pure: no AWS, no terminal, no clock.

record.py        what the host writes about itself
look.py          that, beside what EC2 says: what is true of the host now
waiting.py       looking until the host is ready
screen.py        a look, in lines and as JSON
remote_logs.py   the commands that read the host's logs
secret_lines.py  the stack's secrets, and who logs in where with them
durations.py     "90s", "20m", "1h"
"""
