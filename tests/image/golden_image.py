#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes golden_image.h: small image files with the pixels that Pillow 9.4 reads from them, what Pillow's resize
makes of a pattern, and what scipy and keras_preprocessing 1.1.0 make of it. Run by hand in this folder."""
import base64
import io
import struct
import zlib

import numpy as np
from PIL import Image
from scipy import ndimage

WIDTH, HEIGHT = 19, 13
FORMAT = {'JPEG': 1, 'PNG': 2}
COLOR = {'grey': 1, 'rgb': 2, 'ycbcr': 3, 'cmyk': 4, 'ycck': 5, 'palette': 6}


def pattern(width, height, channels):
    """The same bytes as pattern_pixels() in support.c: a congruential generator over a gradient."""
    state, out = 12345, []
    for y in range(height):
        for x in range(width):
            for c in range(channels):
                state = (state * 1664525 + 1013904223) % 2**32
                out.append((x * 9 + y * 7 * (c + 1) + (state >> 24) // 3) % 256)
    return np.array(out, np.uint8).reshape(height, width, channels)


def scene(channels):
    """Smooth, with one hard edge: what JPEG is made for."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    planes = [128 + 100 * np.sin(x / (4 + c) + c) * np.cos(y / (3 + c)) for c in range(channels)]
    image = np.stack(planes, -1)
    image[HEIGHT // 2:, WIDTH // 2:] = [230, 40, 120, 60][:channels]
    return image.astype(np.uint8)


# ---- JPEG

def jpeg(image, **options):
    out = io.BytesIO()
    image.save(out, 'JPEG', **options)
    return out.getvalue()


def segment(marker, body):
    return struct.pack('>BBH', 0xff, marker, len(body) + 2) + body


def insert_segment(data, marker, body):
    return data[:2] + segment(marker, body) + data[2:]


def find_segment(data, marker):
    at = 2
    while data[at + 1] != marker:
        at += 2 + struct.unpack('>H', data[at + 2:at + 4])[0]
    return at, at + 2 + struct.unpack('>H', data[at + 2:at + 4])[0]


def adobe(transform):
    return b'Adobe' + struct.pack('>HHHB', 100, 0, 0, transform)


def exif(orientation, order='<'):
    tiff = (b'II' if order == '<' else b'MM') + struct.pack(order + 'HIH', 42, 8, 2)
    tiff += struct.pack(order + 'HHII', 0x0110, 4, 1, 7)
    tiff += struct.pack(order + 'HHIHH', 0x0112, 3, 1, orientation, 0) + struct.pack(order + 'I', 0)
    return tiff


def jpeg_files():
    rgb = Image.fromarray(scene(3))
    cmyk = jpeg(Image.fromarray(scene(4), 'CMYK'), quality=80)
    start, end = find_segment(cmyk, 0xee)
    plain_cmyk = cmyk[:start] + cmyk[end:]
    ycck = cmyk[:end - 1] + b'\x02' + cmyk[end:]
    y444 = jpeg(rgb, quality=85, subsampling=0)
    start, end = find_segment(y444, 0xe0)
    as_rgb = insert_segment(y444[:start] + y444[end:], 0xee, adobe(0))
    yield 'jpeg 4:2:0', jpeg(rgb, quality=80), 'ycbcr', {}
    yield 'jpeg 4:2:2', jpeg(rgb, quality=80, subsampling=1), 'ycbcr', {}
    yield 'jpeg 4:4:4', y444, 'ycbcr', {}
    yield 'jpeg progressive', jpeg(rgb, quality=80, progressive=True), 'ycbcr', {'progressive': 1}
    yield 'jpeg grey', jpeg(Image.fromarray(scene(1)[:, :, 0]), quality=80), 'grey', {}
    yield 'jpeg rgb', as_rgb, 'rgb', {}
    yield 'jpeg cmyk adobe', cmyk, 'cmyk', {}
    yield 'jpeg cmyk plain', plain_cmyk, 'cmyk', {'inverted': False}
    yield 'jpeg ycck', ycck, 'ycck', {}
    yield 'jpeg exif', insert_segment(jpeg(rgb, quality=80), 0xe1, b'Exif\0\0' + exif(6)), 'ycbcr', {'orientation': 6}
    yield 'jpeg exif big-endian', insert_segment(jpeg(rgb, quality=80), 0xe1, b'Exif\0\0' + exif(3, '>')), 'ycbcr', {
        'orientation': 3}


# ---- PNG, written here because Pillow writes few of its kinds

def chunk(name, body):
    return struct.pack('>I', len(body)) + name + body + struct.pack('>I', zlib.crc32(name + body))


def pack_rows(samples, bits):
    """Filter 0 and the row's bytes, for each row of height x width x channels samples."""
    out = b''
    for row in samples:
        flat = row.reshape(-1)
        if bits == 16:
            body = flat.astype('>u2').tobytes()
        else:
            digits = ((flat[:, None] >> np.arange(bits - 1, -1, -1)) & 1).astype(np.uint8)
            body = np.packbits(digits.reshape(-1)).tobytes()
        out += b'\0' + body
    return out


ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]


def png(samples, bits, color_type, extra=(), interlaced=False):
    height, width = samples.shape[:2]
    if interlaced:
        parts = [samples[y::dy, x::dx] for y, x, dy, dx in ADAM7]
        raw = b''.join(pack_rows(p, bits) for p in parts if p.size)
    else:
        raw = pack_rows(samples, bits)
    header = struct.pack('>IIBBBBB', width, height, bits, color_type, 0, 0, int(interlaced))
    data = b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header)
    for name, body in extra:
        data += chunk(name, body)
    return data + chunk(b'IDAT', zlib.compress(raw, 9)) + chunk(b'IEND', b'')


def png_files():
    size = (7, 11)
    rng = np.random.RandomState(7)
    palette = rng.randint(0, 256, (16, 3)).astype(np.uint8)
    plte = (b'PLTE', palette.tobytes())
    trns = (b'tRNS', bytes(range(0, 160, 10)))
    gamma = (b'gAMA', struct.pack('>I', 100000))

    def samples(bits, channels):
        return rng.randint(0, 2**bits, size + (channels,)).astype(np.uint16)

    def to_rgb(values, bits):
        eight = values >> 8 if bits == 16 else values * (255 // (2**bits - 1))
        color = eight[..., :3] if eight.shape[2] >= 3 else np.repeat(eight[..., :1], 3, 2)
        return color.astype(np.uint8)

    for bits in (1, 2, 4, 8, 16):
        s = samples(bits, 1)
        yield 'png grey %d' % bits, png(s, bits, 0), 'grey', to_rgb(s, bits), {'bits': bits}
    for bits in (1, 2, 4):
        s = samples(bits, 1)
        yield 'png palette %d' % bits, png(s, bits, 3, [plte]), 'palette', palette[s[..., 0]], {'bits': bits}
    s = samples(4, 1)
    yield ('png palette 8 tRNS gAMA', png(s, 8, 3, [gamma, plte, trns]), 'palette', palette[s[..., 0]],
           {'has_alpha': 1})
    for kind, channels, color_type in (('rgb', 3, 2), ('grey alpha', 2, 4), ('rgba', 4, 6)):
        for bits in (8, 16):
            s = samples(bits, channels)
            info = {'bits': bits, 'has_alpha': int(color_type >= 4)}
            color = 'grey' if color_type == 4 else 'rgb'
            yield 'png %s %d' % (kind, bits), png(s, bits, color_type), color, to_rgb(s, bits), info
    s = samples(8, 1)
    yield ('png grey 8 tRNS', png(s, 8, 0, [(b'tRNS', struct.pack('>H', 5))]), 'grey', to_rgb(s, 8),
           {'has_alpha': 1})
    s = samples(16, 3)
    yield ('png rgb 16 tRNS interlaced', png(s, 16, 2, [(b'tRNS', struct.pack('>HHH', 5, 6, 7))], True), 'rgb',
           to_rgb(s, 16), {'bits': 16, 'has_alpha': 1, 'progressive': 1})
    s = samples(2, 1)
    yield ('png palette 2 interlaced', png(s, 2, 3, [plte], True), 'palette', palette[s[..., 0]],
           {'bits': 2, 'progressive': 1})
    s = samples(8, 3)
    yield ('png eXIf', png(s, 8, 2, [(b'eXIf', exif(8, '>'))]), 'rgb', to_rgb(s, 8), {'orientation': 8})


# ---- The header

def literal(data):
    text = base64.b64encode(bytes(data)).decode()
    lines = [text[i:i + 104] for i in range(0, len(text), 104)] or ['']
    return '\n'.join('     "%s"' % line for line in lines)


def file_entry(out, name, data, form, color, pixels, info):
    out.append('    {"%s", %d, %d, %d, %d, %d, %d, %d, %d, %d,\n%s,\n%s},' % (
        name, FORMAT[form], COLOR[color], pixels.shape[1], pixels.shape[0], info.get('bits', 8),
        info.get('has_alpha', 0), info.get('orientation', 1), info.get('progressive', 0), len(data), literal(data),
        literal(pixels.tobytes())))


def jpeg_pixels(data, info):
    image = Image.open(io.BytesIO(data))
    if not info.get('inverted', True):  # Pillow inverts every CMYK file
        image = Image.fromarray(255 - np.asarray(image), 'CMYK')
    return np.asarray(image.convert('RGB'))


def write_files(out):
    out.append('static const golden_file golden_files[] = {')
    for name, data, color, info in jpeg_files():
        file_entry(out, name, data, 'JPEG', color, jpeg_pixels(data, info), info)
    for name, data, color, pixels, info in png_files():
        plain = info.get('bits', 8) != 16 or color != 'grey'  # those Pillow reads as 32-bit integers
        assert not plain or (np.asarray(Image.open(io.BytesIO(data)).convert('RGB')) == pixels).all(), name
        file_entry(out, name, data, 'PNG', color, pixels, info)
    out.append('};\n')


RESIZES = [
    # width, height, channels, box (left, top, width, height), new width, new height
    (17, 11, 3, (0, 0, 17, 11), 8, 5),
    (17, 11, 3, (0, 0, 17, 11), 23, 15),
    (17, 11, 1, (0, 0, 17, 11), 23, 5),
    (40, 30, 3, (0, 0, 40, 30), 3, 4),
    (40, 30, 3, (2.5, 3.25, 20.75, 18.5), 9, 7),
    (40, 30, 3, (5, 6, 9, 20), 9, 7),
    (40, 30, 1, (5, 6, 20, 7), 9, 7),
    (1, 1, 3, (0, 0, 1, 1), 3, 2),
]
FILTERS = {1: Image.NEAREST, 2: Image.BILINEAR, 3: Image.BICUBIC, 4: Image.BOX}


def write_resizes(out):
    out.append('static const golden_resize golden_resizes[] = {')
    for width, height, channels, box, new_width, new_height in RESIZES:
        array = pattern(width, height, channels)
        image = Image.fromarray(array if channels == 3 else array[:, :, 0])
        left, top, box_width, box_height = box
        for number, kind in FILTERS.items():
            made = image.resize((new_width, new_height), kind, (left, top, left + box_width, top + box_height))
            out.append('    {%d, %d, %d, %r, %r, %r, %r, %d, %d, %d,\n%s},' % (
                width, height, channels, *map(float, box), new_width, new_height, number,
                literal(np.asarray(made).tobytes())))
    out.append('};\n')


def numbers(values):
    text = ['%.9gf' % v if '.' in '%.9g' % v or 'e' in '%.9g' % v else '%.9g.0f' % v
            for v in np.asarray(values, np.float32).reshape(-1)]
    return ',\n     '.join(', '.join(text[i:i + 8]) for i in range(0, len(text), 8))


def write_warps(out):
    x = pattern(6, 5, 1)[:, :, 0].astype(np.float32)
    turn = np.array([[0.8, -0.6], [0.6, 0.8]])
    cases = [(turn, (1.3, -2.1)), (np.diag([0.5, 2.0]), (-7.25, 3.5)), (np.eye(2), (0.0, 4.0)),
             (turn * 3, (-20.0, 11.0))]
    out.append('static const golden_warp golden_warps[] = {')
    for matrix, offset in cases:
        for fill, mode in enumerate(('nearest', 'constant', 'reflect', 'wrap')):
            made = ndimage.affine_transform(x, matrix, offset, order=1, mode=mode, cval=7.0)
            rows = [*matrix[0], offset[0], *matrix[1], offset[1]]
            out.append('    {{%s}, %d,\n    {%s}},' % (', '.join('%r' % float(v) for v in rows), fill, numbers(made)))
    out.append('};\n')


def main():
    out = ['/* SPDX-License-Identifier: MIT */',
           '/* Golden numbers, written by golden_image.py; files and pixels in base64. */',
           '#ifndef CNN_TESTS_IMAGE_GOLDEN_IMAGE_H', '#define CNN_TESTS_IMAGE_GOLDEN_IMAGE_H', '',
           '#include "image/support.h"', '']
    write_files(out)
    write_resizes(out)
    out.append('#endif')
    with open('golden_image.h', 'w') as file:
        file.write('\n'.join(out) + '\n')
    out = ['/* SPDX-License-Identifier: MIT */', '/* Golden numbers, written by golden_image.py. */',
           '#ifndef CNN_TESTS_IMAGE_GOLDEN_WARP_H', '#define CNN_TESTS_IMAGE_GOLDEN_WARP_H', '',
           '#include "image/support.h"', '']
    write_warps(out)
    out.append('#endif')
    with open('golden_warp.h', 'w') as file:
        file.write('\n'.join(out) + '\n')


main()
