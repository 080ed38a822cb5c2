"""``python -m translator`` is ``oip-translator``."""

import sys

from translator.cli import main

sys.exit(main())
