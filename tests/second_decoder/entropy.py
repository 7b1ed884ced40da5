"""Entropy decoder: range coder, model and binarisation (§7.1 to §7.4)."""

from fields import require

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
