#!/usr/bin/env python3
"""Warps and fuses one picture as runtime/FORMAT.md §9.2 to §9.4 have it.

    python3 paint.py WIDTH HEIGHT < INPUT > PICTURE

INPUT: both sources (Y, Cb and Cr planes of bytes), then of binary32 what the network makes: flow `[4, rows, columns]` at
1/8, its own picture `[24, rows, columns]` and the masks `[8, rows, columns]` at 1/4. PICTURE: planes of bytes.
"""

import struct
import sys

# First packed channel, samples of a cell's side, bits of a displacement behind the whole sample (§9.3).
LUMA, CB, CR = (0, 4, 4), (16, 2, 5), (20, 2, 5)


def f32(value):
    """To binary32. Of one sum or product of two such numbers in binary64, this is the rounding of binary32 itself."""
    return struct.unpack("<f", struct.pack("<f", value))[0]


def clamp(v, low, high):
    return max(low, min(v, high))


class Plane:
    def __init__(self, samples, columns, rows):
        self.samples, self.columns, self.rows = samples, columns, rows

    def at(self, y, x):
        return self.samples[clamp(y, 0, self.rows - 1) * self.columns + clamp(x, 0, self.columns - 1)]


def quantise(flow):
    """§9.2: in 1/256 luma pixel."""
    # Products with powers of two are exact; `round` is to nearest, ties to even.
    return 0 if flow != flow else round(clamp(8 * flow, -2000, 2000) * 256)


def between(a, cells):
    """§9.2."""
    k = (a - 8) >> 4
    return clamp(k, 0, cells - 1), clamp(k + 1, 0, cells - 1), (a - 8) % 16


def displacement(q, cells, y, x, side):
    """§9.2: of the sample at (x, y) of a plane, from one component of the flow, in 1/16 luma pixel."""
    columns, rows = cells
    centre = (lambda at: 2 * at + 1) if side == 4 else (lambda at: 4 * at + 2)
    y0, y1, g = between(centre(y), rows)
    x0, x1, h = between(centre(x), columns)

    def down(column):
        return q[y0 * columns + column] * (16 - g) + q[y1 * columns + column] * g

    return (down(x0) * (16 - h) + down(x1) * h + 2048) >> 12


def sample(plane, x, y, dx, dy, b):
    """§9.3: as the network sees it."""
    one = 1 << b
    x, fx, y, fy = x + (dx >> b), dx % one, y + (dy >> b), dy % one
    top = plane.at(y, x) * (one - fx) + plane.at(y, x + 1) * fx
    bottom = plane.at(y + 1, x) * (one - fx) + plane.at(y + 1, x + 1) * fx
    s = top * (one - fy) + bottom * fy
    return (s - (128 << (2 * b))) / 2 ** (7 + 2 * b)


def fuse(m0, m1, w0, w1, n):
    """§9.4."""
    inner = f32(f32(m1 * w1) + f32(f32(1 - m1) * n))
    value = f32(f32(m0 * w0) + f32(f32(1 - m0) * inner))
    return clamp(round(f32(f32(value * 128) + 128)), 0, 255)


def main():
    width, height = int(sys.argv[1]), int(sys.argv[2])
    columns, rows = -(-width // 16) * 4, -(-height // 16) * 4
    cells, data = (columns // 2, rows // 2), sys.stdin.buffer.read()
    sizes = [(width, height)] + [(-(-width // 2), -(-height // 2))] * 2
    at = 0

    def planes():
        nonlocal at
        made = []
        for w, h in sizes:
            made.append(Plane(data[at : at + w * h], w, h))
            at += w * h
        return made

    def tensors(channels, size):
        nonlocal at
        made = []
        for _ in range(channels):
            made.append(struct.unpack_from(f"<{size}f", data, at))
            at += 4 * size
        return made

    sources = [planes(), planes()]
    flow = [[quantise(f) for f in channel] for channel in tensors(4, columns * rows // 4)]
    own, masks = tensors(24, columns * rows), tensors(8, columns * rows)
    picture = bytearray()
    for which, (first, side, b) in enumerate((LUMA, CB, CR)):
        for y in range(sizes[which][1]):
            for x in range(sizes[which][0]):
                d = [displacement(q, cells, y, x, side) for q in flow]
                w = [sample(sources[k][which], x, y, d[2 * k], d[2 * k + 1], b) for k in (0, 1)]
                cell, j, i = y // side * columns + x // side, y % side, x % side
                quarter = 2 * (2 * j // side) + 2 * i // side
                m = [masks[4 * k + quarter][cell] for k in (0, 1)]
                picture.append(fuse(*m, *w, own[first + side * j + i][cell]))
    sys.stdout.buffer.write(picture)


if __name__ == "__main__":
    main()
