"""Bytes, their encodings and their checksum (§1)."""


class Malformed(Exception):
    """The stream breaks a rule."""


def require(holds, rule):
    if not holds:
        raise Malformed(rule)


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
        try:
            return self.take(self.varint(32)).decode("utf-8")
        except UnicodeDecodeError:
            raise Malformed("a string is UTF-8") from None
