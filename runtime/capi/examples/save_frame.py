#!/usr/bin/env python3
"""Saves one picture of an IEV stream as PNG, through libiev and nothing else than Python's own library.

    python3 save_frame.py clip.iev VIEW FRAME picture.png

LIBIEV names the library where it is not on the system's path.
"""

import ctypes
import os
import struct
import sys
import zlib

END = 0xFFFFFFFF
RGBA = 2


class Header(ctypes.Structure):
    """iev_header."""

    _fields_ = (
        [(name, ctypes.c_uint32) for name in (
            "width_px", "height_px", "rate_frames", "rate_seconds", "frames", "views", "implicit_views",
            "aspect_width", "aspect_height")]
        + [("chroma_location", ctypes.c_int32)]
        + [(name, ctypes.c_uint8) for name in ("primaries", "transfer", "matrix", "full_range")]
        + [("cameras", ctypes.c_uint32)]
    )


class Plane(ctypes.Structure):
    """iev_plane."""

    _fields_ = [("samples", ctypes.c_void_p), ("stride", ctypes.c_size_t), ("bytes", ctypes.c_size_t)]


class Player:
    """An opened stream, closed at the end of a `with`."""

    def __init__(self, path):
        self.iev = ctypes.CDLL(os.environ.get("LIBIEV", "libiev.so.0.1"))
        self.iev.iev_error.restype = ctypes.c_char_p
        self.player = ctypes.c_void_p()
        self.call("iev_open_file", os.fsencode(path), None, ctypes.byref(self.player))

    def call(self, name, *arguments):
        if getattr(self.iev, name)(*arguments) != 0:
            raise RuntimeError(self.iev.iev_error().decode(errors="replace"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.iev.iev_close(self.player)

    def header(self):
        header = Header()
        self.call("iev_get_header", self.player, ctypes.byref(header))
        return header

    def rgba(self, view, frame):
        """Bytes of one picture, four a pixel."""
        header = self.header()
        only = ctypes.c_uint32(1 << view)
        self.call("iev_play", self.player, only, only, ctypes.c_uint32(frame), ctypes.c_uint32(END), 0)
        self.call("iev_next", self.player, None)
        stride = 4 * header.width_px
        pixels = ctypes.create_string_buffer(stride * header.height_px)
        plane = Plane(ctypes.addressof(pixels), stride, len(pixels))
        self.call("iev_copy", self.player, ctypes.c_uint32(view), RGBA, ctypes.byref(plane), ctypes.c_size_t(1))
        return pixels.raw


def png(width, height, rgba):
    """A PNG file."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"".join(b"\0" + rgba[row * 4 * width :][: 4 * width] for row in range(height))
    start = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + start + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    path, view, frame, output = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    try:
        with Player(path) as player:
            header = player.header()
            picture = png(header.width_px, header.height_px, player.rgba(view, frame))
    except (OSError, RuntimeError) as error:
        sys.exit(f"{path}: {error}")
    with open(output, "wb") as file:
        file.write(picture)


if __name__ == "__main__":
    main()
