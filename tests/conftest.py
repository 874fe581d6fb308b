"""What every test may rely on, however the run was started."""

import signal

# A run that was started in the background ignores Ctrl-C, and so would every program that the tests
# start: those that send it would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)
