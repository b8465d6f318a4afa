"""Values that move: functions of the time, so that the past and the present of the made-up shop fit together."""

import math
import zlib

MINUTE = 60.0


def wave(key, at, period, depth):
    """1 and a little more or less: smooth, of this period, different for every key."""
    phase = zlib.crc32(repr(key).encode()) % 1000 / 1000 * 2 * math.pi
    slow = math.sin(2 * math.pi * at / period + phase)
    quick = math.sin(2 * math.pi * at / (period / 5.3) + 2 * phase)
    return 1 + depth * (0.7 * slow + 0.3 * quick)


def counted(key, per_second, seconds, period=40 * MINUTE, depth=0.35):
    """A counter after so many seconds at a pace that swells and ebbs, never below 0: the integral of `wave`."""
    phase = zlib.crc32(repr(key).encode()) % 1000 / 1000 * 2 * math.pi
    omega = 2 * math.pi / period
    swell = depth * (math.cos(phase) - math.cos(omega * seconds + phase)) / omega
    return max(0.0, per_second * (seconds + swell))
