# SPDX-License-Identifier: BSD-2-Clause
"""Paired ratios, their bootstrap intervals, and bars on them."""
import random
import statistics

RESAMPLES = 10_000
# Below six, even the smallest and largest ratio enclose the true median less often than 95 %.
ENOUGH_REPS = 6


def paired_ratio(values, base, seed):
    """Median of the ratios within a repetition, and its 95 % bootstrap interval."""
    ratios = [value / reference for value, reference in zip(values, base)]
    dice = random.Random(seed)
    medians = sorted(statistics.median(dice.choices(ratios, k=len(ratios)))
                     for _ in range(RESAMPLES))
    low, high = medians[int(0.025 * RESAMPLES)], medians[int(0.975 * RESAMPLES) - 1]
    return statistics.median(ratios), low, high


def meets(ratio, bar):
    limit = float(bar[2:])
    return ratio >= limit if bar.startswith(">=") else ratio <= limit


def describe(low, high):
    verdict = ", no difference" if low <= 1 <= high else ""
    return f"[{low:.3f}, {high:.3f}]{verdict}"
