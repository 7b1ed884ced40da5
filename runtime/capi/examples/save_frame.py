#!/usr/bin/env python3
"""Saves one picture of an IEV stream as PNG, through libiev and nothing else than Python's own library.

    python3 save_frame.py clip.iev VIEW FRAME picture.png
    python3 save_frame.py clip.iev VIEW+RIGHT FRAME picture.png

With +RIGHT, as in 2+0.05, it is what one sees so far to the right of the view's camera, rendered from the views around.
LIBIEV names the library where it is not on the system's path.
"""

import ctypes
import os
import struct
import sys
import zlib

END = ALL = 0xFFFFFFFF
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


class Camera(ctypes.Structure):
    """iev_camera."""

    _fields_ = [
        (name, ctypes.c_double * count)
        for name, count in (("position", 3), ("rotation_wxyz", 4), ("focal_px", 2), ("centre_px", 2))
    ]

    def moved_right(self, right):
        """Along its own x axis, the first column of its rotation."""
        w, x, y, z = self.rotation_wxyz
        axis = (1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y))
        for at in range(3):
            self.position[at] += right * axis[at]


class Extent(ctypes.Structure):
    """iev_extent."""

    _fields_ = [("width_px", ctypes.c_uint32), ("height_px", ctypes.c_uint32)]


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

    def play(self, views, frame):
        """Takes one frame of some views in hand."""
        views = ctypes.c_uint32(views)
        self.call("iev_play", self.player, views, views, ctypes.c_uint32(frame), ctypes.c_uint32(END), 0)
        self.call("iev_next", self.player, None)

    def rgba(self, view, right, frame):
        """Bytes of one picture, four a pixel."""
        header = self.header()
        stride = 4 * header.width_px
        pixels = ctypes.create_string_buffer(stride * header.height_px)
        plane = Plane(ctypes.addressof(pixels), stride, len(pixels))
        planes = (RGBA, ctypes.byref(plane), ctypes.c_size_t(1))
        if right is None:
            self.play(1 << view, frame)
            self.call("iev_copy", self.player, ctypes.c_uint32(view), *planes)
            return pixels.raw
        camera, size = Camera(), Extent(header.width_px, header.height_px)
        self.call("iev_get_camera", self.player, ctypes.c_uint32(view), ctypes.byref(camera))
        camera.moved_right(right)
        self.play(ALL, frame)
        self.call("iev_render", self.player, ctypes.byref(camera), ctypes.byref(size), *planes, None)
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
    path, frame, output = sys.argv[1], int(sys.argv[3]), sys.argv[4]
    view, _, right = sys.argv[2].partition("+")
    place = int(view), float(right) if right else None
    try:
        with Player(path) as player:
            header = player.header()
            picture = png(header.width_px, header.height_px, player.rgba(*place, frame))
    except (OSError, RuntimeError) as error:
        sys.exit(f"{path}: {error}")
    with open(output, "wb") as file:
        file.write(picture)


if __name__ == "__main__":
    main()
