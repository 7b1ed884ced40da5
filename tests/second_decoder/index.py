"""Preamble, header and section table (§2 to §4)."""

import struct
from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from fields import Fields, crc32c, require
from profiles import PROFILES

NETWORK, SCENE_GRIDS, GOP_GRIDS, ANCHOR, CAMERAS, AV1 = range(6)


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
    pixel_aspect: tuple[int, int] = (0, 0)
    chroma_place: int = 0

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


def read_header(data, minor):
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
    if minor >= 4:
        header.pixel_aspect = (fields.varint(32), fields.varint(32))
        header.chroma_place = fields.varint(32)
    require(header.chroma_place <= 6, "a place of chroma has a meaning")
    require(all(header.pixel_aspect) == any(header.pixel_aspect), "half a pixel aspect is none")
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


def check_gops(header, table, coded):
    """§4, rules 4 to 8: which sections there are. `coded` has the views of each entry whose pictures it codes."""
    explicit = [v for v in range(len(header.views)) if header.is_explicit(v)]
    gops = {e.first_frame: e.frames for e, views in zip(table, coded) if explicit[0] in views}
    next_frame = 0
    for first, frames in sorted(gops.items()):
        require(first == next_frame and frames > 0, "GOPs follow one another")
        next_frame += frames
    require(next_frame == header.frames, "GOPs cover the clip")
    seen, scenes = set(), defaultdict(set)
    for e, views in zip(table, coded):
        if e.kind in (GOP_GRIDS, ANCHOR, AV1):
            require(gops.get(e.first_frame) == e.frames, "a section covers a GOP")
            place = e.first_frame
        else:
            place = 0 if e.kind == CAMERAS else e.scene
            scenes[e.scene].add(e.kind)
        require(set(views) <= set(explicit), "pictures are coded of explicit views")
        # Whichever codec: a view is coded once in a GOP.
        for name in [("pictures", view, place) for view in views] or [(e.kind, 0, place)]:
            require(name not in seen, "a section, and a view in a GOP, is there once")
            seen.add(name)
    for first in gops:
        for view in explicit:
            require(("pictures", view, first) in seen, "a GOP has a section of each explicit view")
        if header.implicit_views():
            require((GOP_GRIDS, 0, first) in seen, "a GOP has grids")
    for e in table:
        if header.implicit_views() and e.kind == GOP_GRIDS:
            require({NETWORK, SCENE_GRIDS} <= scenes[e.scene], "a scene has a network and grids")


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

    def coded_views(self, entry):
        """Views whose pictures the section codes (§8, §8.1)."""
        if entry.kind == AV1:
            views = read_views(Fields(self.section(entry)))
            require(views[0] == entry.view, "the first view of an AV1 section is that of its entry")
            return views
        return [entry.view] if entry.kind == ANCHOR else []


def read_views(fields):
    """§8.1, rule 1 of the lists but for the roles, which §4 checks."""
    views = list(fields.take(fields.byte()))
    require(1 <= len(views) <= 32, "an AV1 section has 1 to 32 views")
    require(len(set(views)) == len(views), "a view is named once")
    return views


def read_stream(data):
    """§2 and §4."""
    require(len(data) >= 28, "a preamble is complete")
    magic, major, minor, header_size, count, size, crc = struct.unpack_from("<8sBBHIQI", data)
    require(magic == b"\x89IEV\r\n\x1a\n", "a stream starts with its magic")
    require(major == 1 and minor <= 5, "the version is known")
    require(header_size <= 512 and size == len(data), "lengths of header and file")
    first = 28 + header_size + 28 * count
    require(first <= len(data), "the table is complete")
    require(crc32c(data[:24] + data[28:first]) == crc, "the index matches its checksum")
    header = read_header(data[28 : 28 + header_size], minor)
    table = [Entry(*struct.unpack_from("<BBHIIQII", data, first - 28 * (count - i))) for i in range(count)]
    for entry in table:
        require(entry.kind <= (AV1 if minor >= 4 else CAMERAS), "a section's kind is known")
        require(entry.offset == first, "sections follow one another")
        first += entry.size
    require(first == size, "the last section ends the file")
    stream = Stream(minor, header, table, data)
    check_gops(header, table, [stream.coded_views(entry) for entry in table])
    return stream
