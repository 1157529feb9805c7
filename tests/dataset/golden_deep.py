# SPDX-License-Identifier: MIT
# Writes golden_deep.h: files with samples of 16 bits, their values by numpy in float32, and those resized by Pillow's
# mode F. Run by hand; needs numpy and Pillow.
import os
import struct
import zlib

import numpy as np
from PIL import Image

here = os.path.dirname(os.path.abspath(__file__))
ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]


def chunk(name, body):
    return struct.pack('>I', len(body)) + name + body + struct.pack('>I', zlib.crc32(name + body))


def rows(samples, sub=False):
    out = b''
    for row in samples:
        body = row.reshape(-1).astype('>u2').tobytes()
        if sub:  # filter 1: the difference from the pixel before; a ramp becomes a few bytes
            step = 2 * samples.shape[2]
            padded = b'\0' * step + body
            body = bytes((b - a) & 255 for a, b in zip(padded, body))
        out += bytes([int(sub)]) + body
    return out


def png(samples, interlaced=False, extra=b'', sub=False):
    height, width, channels = samples.shape
    parts = [samples[y::dy, x::dx] for y, x, dy, dx in ADAM7] if interlaced else [samples]
    raw = b''.join(rows(p, sub) for p in parts if p.size)
    header = struct.pack('>IIBBBBB', width, height, 16, 0 if channels == 1 else 2, 0, 0, int(interlaced))
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + extra + chunk(b'IDAT', zlib.compress(raw, 9)) +
            chunk(b'IEND', b''))


def tiff(samples, order, white=False):
    height, width, channels = samples.shape
    stored = 65535 - samples if white else samples
    body = stored.reshape(-1).astype(order + 'u2').tobytes()
    tags = [(256, 3, 1, width), (257, 3, 1, height), (258, 3, 1, 16), (259, 3, 1, 1),
            (262, 3, 1, 2 if channels == 3 else 0 if white else 1), (273, 4, 1, 0), (277, 3, 1, channels),
            (278, 3, 1, height), (279, 4, 1, len(body))]
    place = 8 + 2 + 12 * len(tags) + 4
    depths = struct.pack(order + 'HHH', 16, 16, 16)
    out = (b'II' if order == '<' else b'MM') + struct.pack(order + 'HI', 42, 8) + struct.pack(order + 'H', len(tags))
    for tag, kind, count, value in tags:
        if tag == 258 and channels == 3:
            out += struct.pack(order + 'HHII', tag, kind, 3, place)
            continue
        value = place + 6 if tag == 273 else value
        out += struct.pack(order + 'HHI', tag, kind, count)
        out += struct.pack(order + 'HH', value, 0) if kind == 3 else struct.pack(order + 'I', value)
    return out + struct.pack(order + 'I', 0) + depths + body


def exif(orientation):
    body = b'II' + struct.pack('<HI', 42, 8) + struct.pack('<H', 1)
    body += struct.pack('<HHIHH', 0x0112, 3, 1, orientation, 0)
    return chunk(b'eXIf', body + struct.pack('<I', 0))


def values_of(samples):
    return samples.astype(np.float32) / np.float32(65535)


def resized(values, height, width):
    planes = [Image.fromarray(values[:, :, c], 'F').resize((width, height), Image.BILINEAR)
              for c in range(values.shape[2])]
    return np.stack([np.asarray(p, np.float32) for p in planes], 2)


def write_bytes(out, data):
    for i in range(0, len(data), 24):
        out.write('    ' + ' '.join('%d,' % b for b in data[i:i + 24]) + '\n')


def write_floats(out, name, values):
    flat = values.reshape(-1)
    out.write('static const float %s[%d] = {\n' % (name, len(flat)))
    for i in range(0, len(flat), 5):
        out.write('    ' + ' '.join('%sf,' % (repr(float(v)) if 'e' in repr(float(v)) else '%.17g' % v
                                              if '.' in '%.17g' % v else '%.1f' % v) for v in flat[i:i + 5]) + '\n')
    out.write('};\n')


rng = np.random.RandomState(16)
grey = rng.randint(0, 65536, (7, 11, 1)).astype(np.uint16)
color = rng.randint(0, 65536, (7, 11, 3)).astype(np.uint16)
grey[0, 0], grey[0, 1], color[0, 0] = 0, 65535, (65535, 0, 1)
ramp = np.arange(65536, dtype=np.uint32).reshape(256, 256, 1)
files = [
    ('grey.png', png(grey), 'deep_grey'),
    ('grey interlaced.png', png(grey, True), 'deep_grey'),
    ('rgb.png', png(color), 'deep_rgb'),
    ('rgb interlaced.png', png(color, True), 'deep_rgb'),
    ('rgb turned.png', png(np.rot90(color), extra=exif(6)), 'deep_rgb'),  # 6: the viewer turns it clockwise
    ('grey.tif', tiff(grey, '<'), 'deep_grey'),
    ('white is 0.tif', tiff(grey, '>', True), 'deep_grey'),
    ('rgb.tif', tiff(color, '>'), 'deep_rgb'),
]
with open(os.path.join(here, 'golden_deep.h'), 'w') as out:
    out.write('/* SPDX-License-Identifier: MIT */\n/* Written by golden_deep.py. */\n/* clang-format off */\n')
    out.write('#define DEEP_HEIGHT 7\n#define DEEP_WIDTH 11\n')
    write_floats(out, 'deep_grey', values_of(grey))
    write_floats(out, 'deep_rgb', values_of(color))
    write_floats(out, 'deep_grey_resized', resized(values_of(grey), 5, 4))
    write_floats(out, 'deep_rgb_resized', resized(values_of(color), 5, 4))
    v = values_of(color)
    mixed = np.float32(0.299) * v[:, :, 0] + np.float32(0.587) * v[:, :, 1] + np.float32(0.114) * v[:, :, 2]
    write_floats(out, 'deep_rgb_as_grey', mixed)
    for i, (_, data, _) in enumerate(files + [('', png(ramp, sub=True), '')]):
        name = 'deep_ramp' if i == len(files) else 'deep_file_%d' % i
        out.write('static const unsigned char %s[%d] = {\n' % (name, len(data)))
        write_bytes(out, data)
        out.write('};\n')
    out.write('static const struct {\n    const char *name;\n    const unsigned char *data;\n    size_t size;\n'
              '    unsigned channels;\n    const float *values, *resized;\n} deep_files[] = {\n')
    for i, (name, data, values) in enumerate(files):
        out.write('    {"%s", deep_file_%d, %d, %d, %s, %s_resized},\n' %
                  (name, i, len(data), 3 if values == 'deep_rgb' else 1, values, values))
    out.write('};\n/* clang-format on */\n')
