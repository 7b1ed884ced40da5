"""Sections without entropy coding: anchors, AV1 and cameras (§8, §10)."""

import struct

from fields import Fields, require
from index import read_views


def read_keys(fields, views, entry, header):
    """§8 and §8.1: the key pictures of a section of `views`."""
    keys = [struct.unpack("<BH", fields.take(3)) for _ in range(fields.byte())]
    require(len(keys) <= 96, "there are at most 96 key pictures")
    for view, frame in keys:
        require(frame < entry.frames, "a key picture's frame is inside its GOP")
        warps = view < len(header.views) and header.views[view].anchor in views
        require(view in views or warps, "a key picture is of a section's own view or of one that warps it")
    return keys


def check_anchor(body, entry, header):
    """§8, as far as it needs no H.264 syntax beyond the head of a NAL unit."""
    fields = Fields(body)
    keys = read_keys(fields, [entry.view], entry, header)
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


# Types of open bitstream units, and the only ones that a section has.
SEQUENCE_HEADER, FRAME_HEADER, FRAME = 1, 3, 6


def obu_types(unit):
    """§8.1, rule 2: the types of a temporal unit's open bitstream units."""
    fields, types = Fields(unit), []
    while fields.rest():
        head = fields.byte()
        require(head & 0b1000_0101 == 0, "the forbidden, extension and reserved bits of an OBU are clear")
        size = fields.varint(32) if head & 2 else fields.rest()
        fields.take(size)
        types.append(head >> 3)
    return types


def check_av1(body, entry, header):
    """§8.1, as far as it needs no AV1 syntax beyond the heads of OBUs."""
    fields = Fields(body)
    views = read_views(fields)
    keys = read_keys(fields, views, entry, header)
    units = []
    while fields.rest():
        units.append(obu_types(fields.take(fields.varint(32))))
    require(len(units) == len(keys) + len(views) * entry.frames, "there is a temporal unit for each picture")
    require(all(units), "a temporal unit has a byte")
    require(units[0][0] == SEQUENCE_HEADER, "the first unit begins with a sequence header")
    frames = units[0][1:] + [kind for unit in units[1:] for kind in unit]
    require(frames and set(frames) <= {FRAME_HEADER, FRAME}, "all other OBUs are frames or show one")
    require(units[0][-1] == FRAME, "the first unit ends with a frame")


def check_cameras(body, header):
    """§10."""
    fields = Fields(body)
    for _ in header.views:
        numbers = [fields.svarint() for _ in range(11)]
        require(min(numbers[7:9]) > 0, "focal lengths are above zero")
        norm = sum((q / 2**30) ** 2 for q in numbers[3:7])
        require(0.98 <= norm <= 1.02, "a rotation is a unit quaternion")
    require(fields.rest() == 0, "there is a camera for each view")
