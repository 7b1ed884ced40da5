"""Network sections (§5)."""

import struct

from entropy import SymbolDecoder, level, magnitude_class, pack, signed
from profiles import PROFILES


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
