"""Property tests are judged by their answers, not by the clock: machines that run them are shared."""

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
