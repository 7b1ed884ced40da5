"""Sections without entropy coding: anchors and cameras (§8, §10)."""

import struct

from fields import Fields, require


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
