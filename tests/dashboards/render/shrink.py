#!/usr/bin/env python3
"""Makes a picture of a dashboard small enough for a repository: shrink.py IN.png OUT.png.

Chromium's PNG has 16 million colours, of which a dashboard needs few: the 256 most frequent stay, the others go to the
nearest of them. Reads what Chromium writes (8 bits, RGB or RGBA, not interlaced). Standard library only.
"""

import collections
import struct
import sys
import zlib


def chunks(data):
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise SystemExit("not a PNG")
    at = 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += length + 12


def unfiltered(raw, width, height, size):
    """The rows of a picture as bytes, by the five filters that PNG knows."""
    stride, before = width * size, bytearray(width * size)
    for y in range(height):
        kind, row = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1 : (y + 1) * (stride + 1)])
        for x in range(stride) if kind else ():
            left = row[x - size] if x >= size else 0
            corner = before[x - size] if x >= size else 0
            row[x] = (row[x] + predicted(kind, left, before[x], corner)) & 255
        yield bytes(row)
        before = row


def predicted(kind, left, above, corner):
    if kind == 1:
        return left
    if kind == 2:
        return above
    if kind == 3:
        return (left + above) // 2
    far = left + above - corner
    return min((left, above, corner), key=lambda value: abs(far - value))


def palette(pixels):
    """The most frequent colours, and for every colour the number of the nearest of them."""
    counts = collections.Counter(pixels)
    kept = [color for color, _ in counts.most_common(256)]
    number = {color: place for place, color in enumerate(kept)}
    for color in counts.keys() - number.keys():
        nearest = min(kept, key=lambda other: sum((a - b) ** 2 for a, b in zip(color, other, strict=True)))
        number[color] = number[nearest]
    return kept, number


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def main():
    source, target = sys.argv[1:]
    with open(source, "rb") as file:
        parts = list(chunks(file.read()))
    head = dict(parts)[b"IHDR"]
    width, height, depth, color, _, _, interlaced = struct.unpack(">IIBBBBB", head)
    if (depth, interlaced) != (8, 0) or color not in (2, 6):
        raise SystemExit("not a picture as Chromium writes it")
    size = 3 if color == 2 else 4
    raw = zlib.decompress(b"".join(body for kind, body in parts if kind == b"IDAT"))
    # Five bits a channel: what is left out can't be seen, and makes equal what is nearly so.
    rows = [bytes(value & 0xF8 | value >> 5 for value in row) for row in unfiltered(raw, width, height, size)]
    colors = [[tuple(row[x : x + 3]) for x in range(0, len(row), size)] for row in rows]
    kept, number = palette(pixel for row in colors for pixel in row)
    lines = b"".join(b"\0" + bytes(number[pixel] for pixel in row) for row in colors)
    with open(target, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)))
        file.write(chunk(b"PLTE", b"".join(bytes(color) for color in kept)))
        file.write(chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b""))


if __name__ == "__main__":
    main()
