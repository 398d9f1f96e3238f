"""The fixtures of the project's own tests."""

from tests.support.of_plugins import *  # noqa: F403
