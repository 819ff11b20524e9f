"""Settings for every test. ``HYPOTHESIS_PROFILE=long`` looks for counter-examples for longer."""

from __future__ import annotations

import os

from hypothesis import settings

# No deadline: nothing here is decided by how fast the machine happens to be.
settings.register_profile("usual", derandomize=True, deadline=None)
settings.register_profile("long", max_examples=5000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "usual"))
