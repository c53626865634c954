# SPDX-License-Identifier: Apache-2.0
"""How long the random tests of writing run, and from which seed.

  HUGFS_TEST_WRITES   quick, ci (the default) or long: what tests/run.sh and the issue's acceptance want;
                      or a number: so many operations
  HUGFS_TEST_SEED     one seed instead of the usual ones: makes a failure again
"""

import os

TIER = os.environ.get("HUGFS_TEST_WRITES") or "ci"
SEED = os.environ.get("HUGFS_TEST_SEED")


def scaled(quick, ci, long):
    """The number for this run."""
    return int(TIER) if TIER.isdigit() else {"quick": quick, "ci": ci, "long": long}[TIER]


def seeds(*usual):
    """What `seed` is parametrized with."""
    return [int(SEED)] if SEED else list(usual)
