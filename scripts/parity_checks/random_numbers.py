# SPDX-License-Identifier: Apache-2.0
"""The program's random numbers: SplitMix64, FNV-1a, xoshiro256++."""
MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15


def finalise(z):
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
    return z ^ (z >> 31)


def mix_seed(seed, *parts):
    mixed = finalise(seed + GOLDEN & MASK)
    for part in parts:
        mixed = finalise((mixed + GOLDEN + finalise(part + GOLDEN & MASK)) & MASK)
    return mixed


def hash_text(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 & MASK
    return finalise(value + GOLDEN & MASK)


class Stream:
    def __init__(self, seed):
        self.state = [finalise(seed + GOLDEN * i & MASK) for i in range(1, 5)]

    def next(self):
        def rotate(x, k):
            return (x << k | x >> 64 - k) & MASK
        s = self.state
        result = rotate(s[0] + s[3] & MASK, 23) + s[0] & MASK
        shifted = s[1] << 17 & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= shifted
        s[3] = rotate(s[3], 45)
        return result

    def below(self, bound):
        limit = MASK - (MASK % bound + 1) % bound
        draw = self.next()
        while draw > limit:
            draw = self.next()
        return draw % bound

    def shuffled(self, items):
        for i in range(len(items), 1, -1):
            j = self.below(i)
            items[i - 1], items[j] = items[j], items[i - 1]
        return items
