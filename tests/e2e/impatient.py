"""The translator's program with a supervisor that soon kills a worker that hangs."""

import sys
from functools import partial

from translator.cli import main
from translator.serving import supervisor

BEYOND_GRACE = 0.5

if __name__ == "__main__":
    supervisor.supervise = partial(supervisor.supervise, beyond_grace=BEYOND_GRACE)
    sys.exit(main())
