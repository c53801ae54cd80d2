"""``python -m pipeline`` is the command ``starshift``."""

from pipeline.cli import main

raise SystemExit(main())
