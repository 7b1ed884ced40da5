#!/usr/bin/env python3
"""A second decoder of the integers of an IEV stream, written from runtime/FORMAT.md alone.

    python3 decode.py STREAM              prints the digests of FORMAT.md §7.6 as JSON
    python3 decode.py STREAM --trace 12   prints the first modelled bits of the first network section

It reads the index, checks every checksum and every rule that needs no H.264 syntax, and decodes networks, grids and
cameras. Slow and plain on purpose: "§n" is where the text says what the code beside it does. Standard library only.
"""

import argparse
import json
import struct
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

NETWORK, SCENE_GRIDS, GOP_GRIDS, ANCHOR, CAMERAS = range(5)


class Malformed(Exception):
    """The stream breaks a rule."""


def require(holds, rule):
    if not holds:
        raise Malformed(rule)


# --- §1: bytes ---------------------------------------------------------------------------------------------------


def crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)  # 1EDC6F41, reflected
        table.append(byte)
    return table


CRC_TABLE = crc_table()


def crc32c(data, crc=0):
    """CRC-32C of `data`, continuing from `crc`."""
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ CRC_TABLE[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


class Fields:
    """Reads the encodings of §1 one after another."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def rest(self):
        return len(self.data) - self.at

    def take(self, count):
        require(count <= self.rest(), "a field is complete")
        self.at += count
        return self.data[self.at - count : self.at]

    def byte(self):
        return self.take(1)[0]

    def flag(self):
        value = self.byte()
        require(value <= 1, "a flag is 0 or 1")
        return value == 1

    def varint(self, bits):
        value = 0
        for place in range(0, bits, 7):
            byte = self.byte()
            value |= (byte & 127) << place
            if byte < 128:
                require(value >> bits == 0, "a varint fits its width")
                return value
        raise Malformed("a varint ends")

    def svarint(self):
        n = self.varint(32)
        return -(n + 1) // 2 if n & 1 else n // 2

    def string(self):
        return self.take(self.varint(32)).decode("utf-8")


# --- §2 to §4: the index -----------------------------------------------------------------------------------------


@dataclass
class View:
    """An explicit view has no anchor."""

    anchor: int | None = None
    second_anchor: int | None = None


@dataclass
class Header:
    profile: str
    template: bytes
    width: int
    height: int
    rate: tuple[int, int]
    frames: int
    colour: tuple[int, int, int]
    full_range: bool
    views: list[View]

    def is_explicit(self, view):
        return view < len(self.views) and self.views[view].anchor is None

    def implicit_views(self):
        return sum(view.anchor is not None for view in self.views)


class Entry(NamedTuple):
    kind: int
    view: int
    scene: int
    first_frame: int
    frames: int
    offset: int
    size: int
    crc: int


def read_view(fields):
    """§3: a choice."""
    implicit = fields.varint(32)
    require(implicit <= 1, "a view is explicit or implicit")
    if not implicit:
        return View()
    anchor, second = fields.byte(), fields.varint(32)
    require(second <= 1, "a second source is a key picture or an anchor")
    return View(anchor, fields.byte() if second else None)


def read_header(data):
    """§3."""
    fields = Fields(data)
    profile = fields.string()
    require(len(profile.encode()) <= 16, "a profile's name has at most 16 bytes")
    header = Header(
        profile=profile,
        template=fields.take(32),
        width=fields.varint(16),
        height=fields.varint(16),
        rate=(fields.varint(32), fields.varint(32)),
        frames=fields.varint(32),
        colour=(fields.byte(), fields.byte(), fields.byte()),
        full_range=fields.flag(),
        views=[read_view(fields) for _ in range(fields.varint(32))],
    )
    explicit = header.is_explicit
    require(1 <= len(header.views) <= 32, "there are 1 to 32 views")
    require(any(view.anchor is None for view in header.views), "at least one view is explicit")
    for view in header.views:
        for anchor in (view.anchor, view.second_anchor):
            require(anchor is None or explicit(anchor), "an anchor is an explicit view")
    require(header.frames and header.width and header.height, "no size is zero")
    require(all(header.rate), "the rate is above zero")
    if header.implicit_views():
        require(header.profile in PROFILES, "the profile is known")
    else:
        require(header.profile == "" and not any(header.template), "without implicit views no profile")
    return header


def check_gops(header, table):
    """§4, rules 4 to 8: which sections there are. Returns the frames of each GOP by its first frame."""
    lowest = next(v for v in range(len(header.views)) if header.is_explicit(v))
    gops = {e.first_frame: e.frames for e in table if e.kind == ANCHOR and e.view == lowest}
    next_frame = 0
    for first, frames in sorted(gops.items()):
        require(first == next_frame and frames > 0, "GOPs follow one another")
        next_frame += frames
    require(next_frame == header.frames, "GOPs cover the clip")
    seen, scenes = set(), defaultdict(set)
    for e in table:
        if e.kind in (GOP_GRIDS, ANCHOR):
            require(gops.get(e.first_frame) == e.frames, "a section covers a GOP")
            place = e.first_frame
        else:
            place = 0 if e.kind == CAMERAS else e.scene
            scenes[e.scene].add(e.kind)
        view = e.view if e.kind == ANCHOR else 0
        require(e.kind != ANCHOR or header.is_explicit(view), "an anchor section is of an explicit view")
        require((e.kind, view, place) not in seen, "a section is there once")
        seen.add((e.kind, view, place))
    for first in gops:
        for view in filter(header.is_explicit, range(len(header.views))):
            require((ANCHOR, view, first) in seen, "a GOP has an anchor section of each explicit view")
        if header.implicit_views():
            require((GOP_GRIDS, 0, first) in seen, "a GOP has grids")
    for e in table:
        if header.implicit_views() and e.kind == GOP_GRIDS:
            require({NETWORK, SCENE_GRIDS} <= scenes[e.scene], "a scene has a network and grids")
    return gops


@dataclass
class Stream:
    minor: int
    header: Header
    table: list[Entry]
    data: bytes = field(repr=False)

    def section(self, entry):
        """§4, rule 3."""
        body = self.data[entry.offset : entry.offset + entry.size]
        require(crc32c(body) == entry.crc, "a section matches its checksum")
        return body


def read_stream(data):
    """§2 and §4."""
    require(len(data) >= 28, "a preamble is complete")
    magic, major, minor, header_size, count, size, crc = struct.unpack_from("<8sBBHIQI", data)
    require(magic == b"\x89IEV\r\n\x1a\n", "a stream starts with its magic")
    require(major == 1 and minor <= 3, "the version is known")
    require(header_size <= 512 and size == len(data), "lengths of header and file")
    first = 28 + header_size + 28 * count
    require(first <= len(data), "the table is complete")
    require(crc32c(data[:24] + data[28:first]) == crc, "the index matches its checksum")
    header = read_header(data[28 : 28 + header_size])
    table = [Entry(*struct.unpack_from("<BBHIIQII", data, first - 28 * (count - i))) for i in range(count)]
    for entry in table:
        require(entry.kind <= CAMERAS, "a section's kind is known")
        require(entry.offset == first, "sections follow one another")
        first += entry.size
    require(first == size, "the last section ends the file")
    check_gops(header, table)
    return Stream(minor, header, table, data)


# --- §7.1 to §7.3: the entropy decoder -----------------------------------------------------------------------------

BIT_POSITIONS, CONTEXTS = 24, 256


def logistic_tables():
    """§7.2: squash by x + 2047, stretch by q."""
    squash, e = [0] * 4095, 1 << 62
    for x in range(2048):
        squash[2047 + x] = (1 << 78) // ((1 << 62) + e)
        squash[2047 - x] = 65536 - squash[2047 + x]
        e = (e * 4593706758521714574) >> 62
    stretch, x = [], -2047
    for q in range(4096):
        while x < 2047 and squash[x + 2047] < 16 * q + 8:
            x += 1
        stretch.append(x)
    return squash, stretch


SQUASH, STRETCH = logistic_tables()


class SymbolDecoder:
    """Range decoder and model of one sub-stream."""

    def __init__(self, data, trace=None):
        self.low, self.high = 0, 0xFFFFFFFF
        self.value = int.from_bytes(data[:4].ljust(4, b"\0"), "big")
        self.data, self.at = data, 4
        slots = 6 * CONTEXTS * BIT_POSITIONS  # [prediction, context, bit position]
        self.p, self.n = [1 << 21] * slots, [0] * slots
        self.weights = [[19660] * 6 + [0] for _ in range(BIT_POSITIONS)]
        self.trace = trace

    def bit(self, p):
        """§7.1."""
        split = self.low + (((self.high - self.low) * p) >> 16)
        bit = self.value <= split
        if bit:
            self.high = split
        else:
            self.low = split + 1
        while (self.low ^ self.high) >> 24 == 0:
            byte = self.data[self.at] if self.at < len(self.data) else 0
            self.at += 1
            self.low = (self.low << 8) & 0xFFFFFFFF
            self.high = ((self.high << 8) & 0xFFFFFFFF) | 255
            self.value = ((self.value << 8) & 0xFFFFFFFF) | byte
        return bit

    def modelled(self, contexts, b):
        """§7.2."""
        slots = [(k * CONTEXTS + context) * BIT_POSITIONS + b for k, context in enumerate(contexts)]
        x = [STRETCH[self.p[slot] >> 10] for slot in slots] + [256]
        weights = self.weights[b]
        mixed = sum(map(int.__mul__, weights, x)) >> 16
        p = SQUASH[max(-2047, min(mixed, 2047)) + 2047]
        if self.trace is not None:
            self.trace(contexts, b, p, self)
        bit = self.bit(p)
        error = ((65535 if bit else 0) - p) >> 2
        self.weights[b] = [w + ((x_k * error + 8192) >> 14) for w, x_k in zip(weights, x)]
        for slot in slots:
            seen, p = self.n[slot], self.p[slot]
            if bit:
                self.p[slot] = p + 2 * (4194303 - p) // (2 * seen + 3)
            else:
                self.p[slot] = p - 2 * p // (2 * seen + 3)
            self.n[slot] = min(seen + 1, 255)
        return bit

    def symbol(self, contexts):
        """§7.3."""
        if not self.modelled(contexts, 0):
            return 0
        negative = self.modelled(contexts, 1)
        magnitude = 1
        while magnitude < 15 and self.modelled(contexts, 1 + magnitude):
            magnitude += 1
        if magnitude == 15:
            length = 0
            while length < 15 and self.modelled(contexts, 16 + min(length, 7)):
                length += 1
            rest = 1
            for _ in range(length):
                rest = 2 * rest + self.bit(32768)
            magnitude += rest - 1
        return -min(magnitude, 32768) if negative else min(magnitude, 32767)

    def step_indices(self, count, previous):
        """§7.5, "Steps"; `previous` is the index before the first."""
        indices = []
        for _ in range(count):
            previous += self.symbol([255] * 6)
            require(0 <= previous <= 127, "a step index is 0 to 127")
            indices.append(previous)
        return indices


# --- §7.4: functions of contexts -----------------------------------------------------------------------------------


def signed(v, limit):
    return max(-limit, min(v, limit)) + limit


def magnitude_class(m):
    if m < 4:
        return m
    log2 = m.bit_length() - 1
    return min(2 * log2 + ((m >> (log2 - 1)) & 1), 15)


def pack(*digits):
    v = 0
    for digit, base in digits:
        v = v * base + min(digit, base - 1)
    return v


def level(symbol):
    return max(-127, min(symbol, 127))


# --- §5 and §9.1: the network ----------------------------------------------------------------------------------------


class Layer(NamedTuple):
    inputs: int
    outputs: int
    output_steps: int


def layers(latent16, latent8, stem, eighth, quarter, refine, residual_blocks):
    """The layers of a profile in coding order (§9.1), by the widths in which profiles differ."""
    return [
        Layer(latent16, stem, 0),  # stem
        Layer(stem, 4 * eighth, 0),  # up8
        Layer(eighth + latent8, eighth, 0),  # mix8
        Layer(eighth, eighth, 1),  # res8
        Layer(eighth, 4, 0),  # flow
        Layer(eighth, 4 * quarter, quarter),  # up4
        Layer(quarter + 2 * 24, refine, 1),  # mix4
        *[Layer(refine, refine, 1)] * residual_blocks,  # res4
        Layer(refine, 32, 0),  # head
    ]


class Grid(NamedTuple):
    in_scene: bool
    cell_px: int
    channels: int
    period: int


def grids(latent16, latent8):
    """The grids of a profile in coding order (§9.1)."""
    half = latent16 // 2
    return [Grid(True, 16, latent16, 1), Grid(True, 8, latent8, 1), Grid(False, 16, half, 4), Grid(False, 16, half, 1)]


PROFILES = {
    "lean": (layers(12, 6, 15, 16, 8, 16, 0), grids(12, 6)),
    "edge": (layers(12, 6, 15, 16, 8, 16, 2), grids(12, 6)),
    "rich": (layers(24, 12, 64, 40, 20, 40, 2), grids(24, 12)),
}


def mean_class(total, count):
    """§7.5: `output_mean` and `input_mean`."""
    return magnitude_class(8 * total // count) if count else 8


def decode_weights(decoder, number, layer):
    """§7.5, "Weights": `[output, input, tap]`."""
    weights, row = [], 9 * layer.inputs
    input_sums = [0] * layer.inputs
    for o in range(layer.outputs):
        output_sum = 0
        for i in range(layer.inputs):
            for t in range(9):
                at = o * row + i * 9 + t
                last_tap = weights[at - 1] if t else 0
                last_input = weights[at - 9] if i else 0
                last_output = weights[at - row] if o else 0
                output_mean = mean_class(output_sum, 9 * i + t)
                input_mean = mean_class(input_sums[i], 9 * o + t)
                contexts = [
                    pack((output_mean, 16), (input_mean, 16)),
                    pack((number, 13), (output_mean, 16)),
                    pack((t, 9), (input_mean, 16)),
                    pack((signed(last_output, 3), 7), (signed(last_input, 3), 7), (output_mean // 4, 4)),
                    pack((t, 9), (signed(last_tap, 3), 7), (signed(last_input, 1), 3)),
                    pack((number, 13), (t, 9)),
                ]
                weight = level(decoder.symbol(contexts))
                weights.append(weight)
                output_sum += abs(weight)
                input_sums[i] += abs(weight)
    return weights


def decode_biases(decoder, count):
    """§7.5, "Biases"."""
    biases, last = [], 0
    for _ in range(count):
        last = decoder.symbol([208 + magnitude_class(abs(last))] * 6)
        biases.append(last)
    return biases


def decode_network(body, profile, minor, trace=None):
    """§5; the bytes of the digest of §7.6."""
    decoder, digested = SymbolDecoder(body, trace), bytearray()
    for number, layer in enumerate(PROFILES[profile][0]):
        steps = decoder.step_indices(layer.outputs, 48)
        weights = decode_weights(decoder, number, layer)
        bias_step = decoder.step_indices(1, steps[-1])
        biases = decode_biases(decoder, layer.outputs)
        most = {0: 0, 1: 1}.get(minor, layer.output_steps)
        output_steps = decoder.step_indices(min(layer.output_steps, most), bias_step[0])
        digested += bytes(steps + bias_step) + struct.pack(f"{len(weights)}b", *weights)
        digested += struct.pack(f"<{len(biases)}h", *biases) + bytes(output_steps)
    return digested


# --- §6: grids ---------------------------------------------------------------------------------------------------


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


def decode_grid(sub_stream, grid, header, frames):
    """§6; the bytes of the digest of §7.6."""
    decoder = SymbolDecoder(sub_stream)
    scale = 16 // grid.cell_px
    rows, columns = -(-header.height // 16) * scale, -(-header.width // 16) * scale
    entries = 1 if grid.in_scene else -(-(frames - 1) // grid.period) + 1
    views = header.implicit_views() if grid.in_scene else 1
    steps = decoder.step_indices(grid.channels, 88)
    none, planes = Plane(rows, columns, exists=False), {}
    for e in range(entries):
        for v in range(views):
            for c in range(grid.channels):
                plane = planes[e, v, c] = Plane(rows, columns)
                near = [planes.get(at, none) for at in ((e - 1, v, c), (e, v - 1, c), (e, v, c - 1))]
                decode_plane(decoder, c, plane, *near)
    digested = bytearray(steps)
    for plane in planes.values():
        levels = plane.inside()
        digested += struct.pack(f"{len(levels)}b", *levels)
    return digested


def decode_grids(body, entry, header):
    """§6, "Body"."""
    fields, digested = Fields(body), bytearray()
    for grid in PROFILES[header.profile][1]:
        if grid.in_scene == (entry.kind == SCENE_GRIDS):
            sub_stream = fields.take(int.from_bytes(fields.take(4), "little"))
            digested += decode_grid(sub_stream, grid, header, entry.frames)
    require(fields.rest() == 0, "a grid section has a sub-stream for each of its grids")
    return digested


# --- §8 and §10: the other sections -------------------------------------------------------------------------------


def check_anchor(body, entry, header):
    """§8, as far as it needs no H.264 syntax beyond the head of a NAL unit."""
    fields = Fields(body)
    keys = [struct.unpack("<BH", fields.take(3)) for _ in range(fields.byte())]
    require(len(keys) <= 96, "there are at most 96 key pictures")
    for view, frame in keys:
        require(frame < entry.frames, "a key picture's frame is inside its GOP")
        warps = view < len(header.views) and header.views[view].anchor == entry.view
        require(view == entry.view or warps, "a key picture is of the section's view or of one that warps it")
    types = []
    while fields.rest():
        nal = fields.take(fields.varint(32))
        require(nal and nal[0] < 128, "a NAL unit has a byte, and its forbidden bit is clear")
        types.append(nal[0] & 31)
    pictures = len(keys) + entry.frames
    slices = [kind for kind in types if kind in (1, 5)]
    require(set(types) <= {1, 5, 6, 7, 8, 9, 10, 11, 12}, "NAL units are of known types")
    require(len(types) <= 8 * pictures, "there are at most 8 NAL units for each picture")
    require(slices == [5] + [1] * (pictures - 1), "there is a slice for each picture, and the first is an IDR's")


def check_cameras(body, header):
    """§10."""
    fields = Fields(body)
    for _ in header.views:
        numbers = [fields.svarint() for _ in range(11)]
        require(min(numbers[7:9]) > 0, "focal lengths are above zero")
        norm = sum((q / 2**30) ** 2 for q in numbers[3:7])
        require(0.98 <= norm <= 1.02, "a rotation is a unit quaternion")
    require(fields.rest() == 0, "there is a camera for each view")


# --- §7.6: what comes of it ---------------------------------------------------------------------------------------


def digests(stream):
    """Decodes and checks every section."""
    header, network_crc, grids_crc = stream.header, 0, 0
    for entry in stream.table:
        body = stream.section(entry)
        if entry.kind == ANCHOR:
            check_anchor(body, entry, header)
        elif entry.kind == CAMERAS:
            check_cameras(body, header)
        elif not header.implicit_views():
            continue
        elif entry.kind == NETWORK:
            network_crc = crc32c(decode_network(body, header.profile, stream.minor), network_crc)
        else:
            grids_crc = crc32c(decode_grids(body, entry, header), grids_crc)
    return {"network_crc32c": network_crc, "grids_crc32c": grids_crc}


class TraceEnd(Exception):
    """Enough bits were printed."""


def print_trace(stream, count):
    """The table of §7.6: the state before each of the first modelled bits."""
    entry = next(e for e in stream.table if e.kind == NETWORK)
    pending = []

    def trace(contexts, b, p, decoder):
        pending.append((contexts, b, p, decoder.low, decoder.high, decoder.value))
        if len(pending) > 1:
            of, at, one, low, high, value = pending.pop(0)
            bit = int(value <= low + (((high - low) * one) >> 16))
            shown = str(of[0]) if len(set(of)) == 1 else ", ".join(map(str, of))
            print(f"| {shown} | {at} | {one} | `{low:08x}` | `{high:08x}` | `{value:08x}` | {bit} |")
            trace.printed += 1
        if trace.printed == count:
            raise TraceEnd

    trace.printed = 0
    try:
        decode_network(stream.section(entry), stream.header.profile, stream.minor, trace)
    except TraceEnd:
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stream")
    parser.add_argument("--trace", type=int, metavar="BITS", help="print the first modelled bits of a network")
    options = parser.parse_args()
    try:
        with open(options.stream, "rb") as file:
            stream = read_stream(file.read())
        if options.trace:
            print_trace(stream, options.trace)
        else:
            print(json.dumps(digests(stream)))
    except (OSError, Malformed) as error:
        sys.exit(f"{options.stream}: {error}")


if __name__ == "__main__":
    main()
