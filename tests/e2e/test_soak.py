"""Thousands of swaps and hundreds of deaths in one run leave it as it was."""
import harness
import modules
import deaths
from harness import Case, count, main
from soak import Soak

# What is freed must not be kept for later, or memory grows by design.
SANITIZED = {"ASAN_OPTIONS": harness.ASAN + ":quarantine_size_mb=1:thread_local_quarantine_size_kb=64"}


class Long(Case):

    def test_memory_descriptors_and_files_stay_as_they_are(self):
        env = {key: value.format(self.path("sanitizer")) for key, value in SANITIZED.items()}
        soak = Soak(self.folder, deaths.mortal(modules._place()), 16384, env)
        found = soak.problems(soak.play(count(600, 20000)))
        self.assertFalse(found)


if __name__ == "__main__":
    main()
