#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What all suites share: saved samples are what was measured, and one that failed is taken again."""
import contextlib
import io
import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
import nic_child  # noqa: E402 pylint: disable=wrong-import-position
import suite  # noqa: E402 pylint: disable=wrong-import-position


class Saving(unittest.TestCase):
    def test_what_is_saved_reads_as_it_was_with_a_line_for_each_sample(self):
        document = {"facts": {"cpu": "a \"b\""}, "seed": 7, "none": [], "only": None,
                    "samples": [{"name": f"s{i}", "value": i / 3, "parts": [i, [i]]}
                                for i in range(50)]}
        with tempfile.TemporaryDirectory() as directory:
            with contextlib.redirect_stdout(io.StringIO()):
                suite.save(Path(directory), "run", document)
            text = Path(directory, "run.json").read_text()
            self.assertEqual([path.name for path in Path(directory).iterdir()], ["run.json"])
        self.assertEqual(json.loads(text), document)
        self.assertEqual(len([line for line in text.splitlines() if '"name"' in line]), 50)


class Persistence(unittest.TestCase):
    def failing(self, times):
        """Work that fails so often, and then returns how often it was done."""
        done = []

        def work():
            done.append(None)
            if len(done) <= times:
                raise nic_child.Failure(f"failure {len(done)}")
            return len(done)
        return work

    def test_a_sample_that_fails_is_taken_again_and_each_failure_is_told(self):
        for times in range(3):
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                self.assertEqual(nic_child.persistent(self.failing(times)), times + 1)
            self.assertEqual(said.getvalue().count("measured once more, because failure"), times)

    def test_the_third_failure_ends_the_run(self):
        with contextlib.redirect_stdout(io.StringIO()):
            with self.assertRaisesRegex(nic_child.Failure, "failure 3"):
                nic_child.persistent(self.failing(3))


if __name__ == "__main__":
    unittest.main()
