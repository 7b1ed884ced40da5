"""Grid sections and latents (§6)."""

import struct

from entropy import SymbolDecoder, level, magnitude_class, pack, signed
from fields import Fields, require
from index import SCENE_GRIDS
from profiles import PROFILES


class Plane:
    """Levels of one channel of one entry; outside, and where a plane does not exist, they are zero (§7.5)."""

    def __init__(self, rows, columns, exists=True):
        self.rows, self.columns, self.state = rows, columns, 1 if exists else 2
        # Two rows above and one below, two columns to the left and one to the right, of zeros.
        self.width = columns + 3
        self.levels = [0] * (self.width * (rows + 3))

    def at(self, y, x):
        return (y + 2) * self.width + x + 2

    def inside(self):
        starts = (self.at(y, 0) for y in range(self.rows))
        return [level for start in starts for level in self.levels[start : start + self.columns]]


def level_contexts(c, at, width, here, before, beside, under):
    """§7.5, "Levels of a grid"."""
    w, ww, n, nn = here[at - 1], here[at - 2], here[at - width], here[at - 2 * width]
    nw, ne = abs(here[at - width - 1]), abs(here[at - width + 1])
    b, s, u = before[at], beside[at], under[at]
    near = abs(w) + abs(n)
    around = 2 * near + nw + ne + abs(ww) + abs(nn) + 2 * abs(b)
    cross = abs(before[at + 1]) + abs(before[at + width]) + abs(before[at - 1]) + abs(before[at - width])
    near_class = magnitude_class(near)
    return [
        pack((c, 28), (near_class, 8)),
        pack((signed(w, 2), 5), (signed(n, 2), 5), (nw, 3), (ne, 2)),
        pack((signed(b, 6), 13), (magnitude_class(cross), 5), (near_class, 3)),
        pack((signed(s, 4), 9), (signed(b, 2), 5), (near, 4)),
        pack((signed(u, 3), 7), (near, 3), (signed(b, 1), 3), (signed(s, 1), 3)),
        pack((c, 14), (magnitude_class(around), 16)),
    ]


def decode_plane(decoder, c, plane, before, beside, under):
    """§6 and §7.5, "Planes of a grid"."""
    flag = 224 + pack((before.state, 3), (beside.state, 3), (under.state, 3))
    channel = 224 + min(c, 31)
    if decoder.symbol([flag, channel, flag, channel, flag, flag]) == 0:
        return
    here = plane.levels
    for y in range(plane.rows):
        for x in range(plane.columns):
            at = plane.at(y, x)
            contexts = level_contexts(c, at, plane.width, here, before.levels, beside.levels, under.levels)
            here[at] = level(decoder.symbol(contexts))
    plane.state = 0 if any(here) else 1


class Levels:
    """A decoded grid: its steps, and planes by (entry, view, channel)."""

    def __init__(self, spec, entries, steps, planes):
        self.spec, self.entries, self.steps = spec, entries, steps
        self.planes = {place: plane.inside() for place, plane in planes.items()}

    def digested(self):
        """§7.6."""
        levels = [level for plane in self.planes.values() for level in plane]
        return bytes(self.steps) + struct.pack(f"{len(levels)}b", *levels)


def decode_grid(sub_stream, spec, header, frames):
    """§6, "Body" and "Sizes"."""
    decoder = SymbolDecoder(sub_stream)
    scale = 16 // spec.cell_px
    rows, columns = -(-header.height // 16) * scale, -(-header.width // 16) * scale
    entries = 1 if spec.in_scene else -(-(frames - 1) // spec.period) + 1
    views = header.implicit_views() if spec.in_scene else 1
    steps = decoder.step_indices(spec.channels, 88)
    none, planes = Plane(rows, columns, exists=False), {}
    for e in range(entries):
        for v in range(views):
            for c in range(spec.channels):
                plane = planes[e, v, c] = Plane(rows, columns)
                near = [planes.get(at, none) for at in ((e - 1, v, c), (e, v - 1, c), (e, v, c - 1))]
                decode_plane(decoder, c, plane, *near)
    return Levels(spec, entries, steps, planes)


def decode_grids(body, entry, header):
    """§6, "Body"."""
    fields, grids = Fields(body), []
    for spec in PROFILES[header.profile][1]:
        if spec.in_scene == (entry.kind == SCENE_GRIDS):
            sub_stream = fields.take(int.from_bytes(fields.take(4), "little"))
            grids.append(decode_grid(sub_stream, spec, header, entry.frames))
    require(fields.rest() == 0, "a grid section has a sub-stream for each of its grids")
    return grids


MANTISSAS = [1073741824, 1170923762, 1276901417, 1392470869, 1518500250, 1655936265, 1805811301, 1969251188]


def step(index):
    """§6, "Steps": 20 fraction bits."""
    shift = 22 - index // 8
    return (MANTISSAS[index % 8] + (1 << (shift - 1))) >> shift


def latent(grids, cell_px, t, v):
    """§6, "Latents": `[channel, cell]` of frame `t` of a GOP and the `v`-th implicit view, as bytes of binary32."""
    channels = {}
    for grid in (grid for grid in grids if grid.spec.cell_px == cell_px):
        p = grid.spec.period
        r, e = (0, 0) if grid.spec.in_scene else (t % p, t // p)
        f, view = min(e + 1, grid.entries - 1), v if grid.spec.in_scene else 0
        for c in range(grid.spec.channels):
            one = step(grid.steps[c])
            before, after = grid.planes[e, view, c], grid.planes[f, view, c]
            values = channels.setdefault(grid.spec.first + c, [0] * len(before))
            for at, (a, b) in enumerate(zip(before, after)):
                product = (a * (p - r) + b * r) * one
                values[at] += product // p if product >= 0 else -(-product // p)
    # The quotient is exact in binary64; packing rounds it to nearest, ties to even.
    values = [value / (1 << 20) for c in sorted(channels) for value in channels[c]]
    return struct.pack(f"<{len(values)}f", *values)
