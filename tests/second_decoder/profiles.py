"""Layers and grids of the profiles (§9.1)."""

from typing import NamedTuple


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
    first: int
    period: int


def grids(latent16, latent8):
    """The grids of a profile in coding order (§9.1)."""
    half = latent16 // 2
    return [
        Grid(True, 16, latent16, 0, 1),  # view16
        Grid(True, 8, latent8, 0, 1),  # view8
        Grid(False, 16, half, half, 4),  # time4
        Grid(False, 16, half, 0, 1),  # time1
    ]


PROFILES = {
    "lean": (layers(12, 6, 15, 16, 8, 16, 0), grids(12, 6)),
    "edge": (layers(12, 6, 15, 16, 8, 16, 2), grids(12, 6)),
    "rich": (layers(24, 12, 64, 40, 20, 40, 2), grids(24, 12)),
}
