"""``python -m vs_core.cli`` does the same as ``vs``."""

from vs_core.cli import main

main()
