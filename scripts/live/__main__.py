"""`python scripts/live`."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])

from live.command import main  # noqa: E402

raise SystemExit(main())
