#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes golden_formats.h: small BMP, GIF, WebP and TIFF files with the pixels that Pillow 9.4 reads from them. What
Pillow does not read, or reads otherwise, has the pixels that it was made from. Run by hand in this folder."""
import base64
import io
import struct

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 19, 13
FORMAT = {'BMP': 3, 'GIF': 4, 'WEBP': 5, 'TIFF': 6}
GREY, RGB, YCBCR, CMYK, PALETTE = 1, 2, 3, 4, 6


def scene(channels):
    """Smooth, with one hard edge."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    planes = [128 + 100 * np.sin(x / (4 + c) + c) * np.cos(y / (3 + c)) for c in range(channels)]
    image = np.stack(planes, -1)
    image[HEIGHT // 2:, WIDTH // 2:] = [230, 40, 120, 60][:channels]
    return image.astype(np.uint8)


def pillow(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert('RGB'))


def save(image, form, **options):
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


# ---- BMP, written here because Pillow writes few of its kinds

def bmp_file(header, palette, pixels, extra=b''):
    at = 14 + len(header) + len(extra) + len(palette)
    return b'BM' + struct.pack('<IHHI', at + len(pixels), 0, 0, at) + header + extra + palette + pixels


def info_header(bits, compression=0, size=40, height=HEIGHT, masks=(), colors=0):
    head = struct.pack('<IiiHHIIiiII', size, WIDTH, height, 1, bits, compression, 0, 2835, 2835, colors, 0)
    head += b''.join(struct.pack('<I', m) for m in masks)
    return head + bytes(max(0, size - len(head))) if size > 40 else head[:40]


def pack(values, bits):
    """Rows of numbers below 2^bits, most significant first, filled up to 32 bits, from bottom to top."""
    out = b''
    for row in values[::-1]:
        if bits in (16, 32):
            body = row.astype('<u%d' % (bits // 8)).tobytes()
        else:
            digits = (row[:, None] >> np.arange(bits - 1, -1, -1)) & 1
            body = np.packbits(digits.astype(np.uint8).reshape(-1)).tobytes()
        out += body + bytes(-len(body) % 4)
    return out


def rle(indices, bits, most=7):
    """Runs where there are some, literals elsewhere, of which `most` at once."""
    out = b''
    for row in indices[::-1]:
        x = 0
        while x < WIDTH:
            run = 1
            while x + run < WIDTH and run < 255 and row[x + run] == row[x]:
                run += 1
            if run > 2:
                value = int(row[x]) if bits == 8 else int(row[x]) * 17
                out += bytes([run, value])
            else:
                run = min(WIDTH - x, most)
                run -= run % 2 if most % 2 == 0 and run > 2 else 0
                if run < 3:
                    for i in range(run):
                        out += bytes([1, int(row[x + i]) << (0 if bits == 8 else 4)])
                else:
                    part = [int(v) for v in row[x:x + run]]
                    if bits == 4:
                        part += [0] * (len(part) % 2)
                        part = [a << 4 | b for a, b in zip(part[::2], part[1::2])]
                    out += bytes([0, run]) + bytes(part) + bytes(len(part) % 2)
            x += run
        out += b'\0\0'
    return out + b'\0\1'


def bmp_files():
    rng = np.random.RandomState(11)
    for bits in (1, 2, 4, 8):
        indices = rng.randint(0, 2**bits, (HEIGHT, WIDTH)).astype(np.uint32)
        colors = rng.randint(0, 256, (2**bits, 3)).astype(np.uint8)
        quads = b''.join(bytes([c[2], c[1], c[0], 0]) for c in colors)
        triples = b''.join(bytes([c[2], c[1], c[0]]) for c in colors)
        info = {'bits': bits}
        rows = pack(indices, bits)
        yield 'bmp palette %d' % bits, bmp_file(info_header(bits), quads, rows), PALETTE, colors[indices], info
        if bits in (1, 4, 8):
            core = struct.pack('<IHHHH', 12, WIDTH, HEIGHT, 1, bits)
            yield 'bmp os2 %d' % bits, bmp_file(core, triples, rows), PALETTE, colors[indices], info
        if bits in (4, 8):
            indices[:, 4:12] = indices[:, 4:5]
            for name, most in (('', 6), (' odd', 7)):
                data = bmp_file(info_header(bits, 2 if bits == 4 else 1), quads, rle(indices, bits, most))
                yield 'bmp rle%d%s' % (bits, name), data, PALETTE, colors[indices], info
        if bits == 8:
            few = bmp_file(info_header(8, colors=16), quads[:64], pack(indices % 16, 8))
            yield 'bmp palette of 16', few, PALETTE, colors[indices % 16], info

    def from_masks(values, masks):
        planes = []
        for m in masks[:3]:
            shift = (m & -m).bit_length() - 1
            planes.append(((values & m) >> shift).astype(np.uint64) * 255 // (m >> shift))
        return np.stack(planes, -1).astype(np.uint8)

    m555, m565, m444 = (0x7c00, 0x3e0, 0x1f), (0xf800, 0x7e0, 0x1f), (0xf00, 0xf0, 0xf, 0xf000)
    v = rng.randint(0, 65536, (HEIGHT, WIDTH)).astype(np.uint32)
    yield 'bmp 16', bmp_file(info_header(16), b'', pack(v, 16)), RGB, from_masks(v, m555), {'bits': 5}
    data = bmp_file(info_header(16, 3), b'', pack(v, 16), b''.join(struct.pack('<I', m) for m in m565))
    yield 'bmp 565', data, RGB, from_masks(v, m565), {'bits': 6}
    data = bmp_file(info_header(16, 3, 56, masks=m444), b'', pack(v, 16))
    yield 'bmp 4444', data, RGB, from_masks(v, m444), {'bits': 4, 'has_alpha': 1}
    rgb = scene(3)
    rows = b''.join(row[:, ::-1].tobytes() + bytes(-3 * WIDTH % 4) for row in rgb[::-1])
    yield 'bmp 24', bmp_file(info_header(24), b'', rows), RGB, rgb, {}
    down = b''.join(row[:, ::-1].tobytes() + bytes(-3 * WIDTH % 4) for row in rgb)
    yield 'bmp 24 top-down', bmp_file(info_header(24, height=-HEIGHT), b'', down), RGB, rgb, {}
    v = rng.randint(0, 2**32, (HEIGHT, WIDTH), dtype=np.uint64).astype(np.uint32)
    m888, abgr = (0xff0000, 0xff00, 0xff), (0xff, 0xff00, 0xff0000, 0xff000000)
    deep = (0x3ff00000, 0xffc00, 0x3ff)
    yield 'bmp 32', bmp_file(info_header(32), b'', pack(v, 32)), RGB, from_masks(v, m888), {}
    for size in (108, 124):
        data = bmp_file(info_header(32, 3, size, masks=abgr), b'', pack(v, 32))
        yield 'bmp v%d abgr' % (4 if size == 108 else 5), data, RGB, from_masks(v, abgr), {'has_alpha': 1}
    data = bmp_file(info_header(32, 3), b'', pack(v, 32), b''.join(struct.pack('<I', m) for m in deep))
    yield 'bmp of 10 bits', data, RGB, from_masks(v, deep), {'bits': 10}


# ---- GIF

def gif_files():
    rgb, grey = Image.fromarray(scene(3)), Image.fromarray(scene(1)[:, :, 0])
    indexed, high = rgb.quantize(16), rgb.resize((WIDTH, 21)).quantize(16)
    frames = [rgb.rotate(90), grey.convert('RGB')]
    yield 'gif', save(indexed, 'GIF', interlace=0), {}
    yield 'gif interlaced', save(high, 'GIF', interlace=1), {'progressive': 1}
    yield 'gif grey', save(grey, 'GIF', interlace=0), {}
    yield 'gif transparent', save(indexed, 'GIF', transparency=3, interlace=0), {'has_alpha': 1}
    yield 'gif animation', save(rgb.quantize(32), 'GIF', save_all=True, append_images=frames, interlace=0), {}
    # The image lies within a larger canvas, which is filled with the transparent number.
    data = bytearray(save(indexed, 'GIF', transparency=3, interlace=0))
    data[6:10] = struct.pack('<HH', WIDTH + 6, HEIGHT + 5)
    at = data.index(b'\x2c\0\0\0\0' + struct.pack('<HH', WIDTH, HEIGHT))
    data[at + 1:at + 5] = struct.pack('<HH', 4, 2)
    yield 'gif on a canvas', bytes(data), {'has_alpha': 1}


# ---- WebP

def webp_files():
    rgb, rgba = Image.fromarray(scene(3)), Image.fromarray(scene(4), 'RGBA')
    exif = Image.Exif()
    exif[0x112] = 6
    yield 'webp', save(rgb, 'WEBP', quality=80), YCBCR, {}
    yield 'webp lossless', save(rgb, 'WEBP', lossless=True), RGB, {}
    yield 'webp alpha', save(rgba, 'WEBP', quality=80), RGB, {'has_alpha': 1}
    yield 'webp lossless alpha', save(rgba, 'WEBP', lossless=True, exact=True), RGB, {'has_alpha': 1}
    yield 'webp animation', save(rgb, 'WEBP', save_all=True, append_images=[rgb.rotate(180)]), YCBCR, {}
    yield 'webp exif', save(rgb, 'WEBP', quality=80, exif=exif), YCBCR, {'orientation': 6}


# ---- TIFF, some of it written here

def tiff_file(tags, strips, order='<'):
    """Strips or tiles one after another, then the directory. Values: numbers, or bytes of LONGs when many."""
    data, offsets, counts = (b'II' if order == '<' else b'MM') + struct.pack(order + 'HI', 42, 0), [], []
    for strip in strips:
        offsets.append(len(data))
        counts.append(len(strip))
        data += strip + bytes(len(strip) % 2)
    tiled = 322 in tags
    tags = dict(tags)
    tags[324 if tiled else 273] = offsets
    tags[325 if tiled else 279] = counts
    entries = b''
    extra, extra_at = b'', len(data) + 2 + 12 * len(tags) + 4
    for tag in sorted(tags):
        values = tags[tag] if isinstance(tags[tag], list) else [tags[tag]]
        long = tag in (256, 257, 273, 278, 279, 322, 323, 324, 325)
        body = struct.pack(order + '%d%s' % (len(values), 'I' if long else 'H'), *values)
        if len(body) > 4:
            place = struct.pack(order + 'I', extra_at + len(extra))
            extra += body + bytes(len(body) % 2)
        else:
            place = body + bytes(4 - len(body))
        entries += struct.pack(order + 'HHI', tag, 4 if long else 3, len(values)) + place
    at = len(data)
    data += struct.pack(order + 'H', len(tags)) + entries + struct.pack(order + 'I', 0) + extra
    return data[:4] + struct.pack(order + 'I', at) + data[8:]


def tags(bits, photometric, samples, **more):
    made = {256: WIDTH, 257: HEIGHT, 258: [bits] * samples, 259: 1, 262: photometric, 277: samples, 278: HEIGHT}
    names = {'rows': 278, 'planes': 284, 'extra': 338, 'orientation': 274, 'tile_width': 322, 'tile_height': 323,
             'colormap': 320}
    for name, value in more.items():
        made[names[name]] = value
    return made


def tiff_files():
    rgb, grey, four = scene(3), scene(1)[:, :, 0], scene(4)
    image = Image.fromarray(rgb)
    indexed, one = image.quantize(16), Image.fromarray(grey).point(lambda v: 255 * (v > 128)).convert('1')
    for compression in ('raw', 'tiff_lzw', 'tiff_adobe_deflate', 'packbits', 'jpeg'):
        yield 'tiff rgb ' + compression, save(image, 'TIFF', compression=compression), RGB, None, {}
    yield 'tiff grey', save(Image.fromarray(grey), 'TIFF', compression='tiff_lzw'), GREY, None, {}
    yield 'tiff palette', save(indexed, 'TIFF'), PALETTE, None, {}
    for compression in ('raw', 'tiff_ccitt', 'group3', 'group4'):
        yield 'tiff 1 bit ' + compression, save(one, 'TIFF', compression=compression), GREY, None, {'bits': 1}
    yield 'tiff rgba', save(Image.fromarray(four, 'RGBA'), 'TIFF'), RGB, None, {'has_alpha': 1}
    yield 'tiff cmyk', save(Image.fromarray(four, 'CMYK'), 'TIFF'), CMYK, None, {}
    ycbcr = image.convert('YCbCr')
    yield 'tiff ycbcr jpeg', save(ycbcr, 'TIFF', compression='jpeg'), YCBCR, None, {}
    deep = np.random.RandomState(5).randint(0, 65536, (HEIGHT, WIDTH, 3)).astype(np.uint16)
    for order in '<>':
        body = deep.astype(order + 'u2')
        yield 'tiff rgb 16 ' + order, tiff_file(tags(16, 2, 3), [body.tobytes()], order), RGB, (deep >> 8), {'bits': 16}
    made = (deep[:, :, :1] >> 8).repeat(3, 2)
    yield 'tiff grey 16', tiff_file(tags(16, 1, 1), [deep[:, :, 0].astype('<u2').tobytes()]), GREY, made, {'bits': 16}
    low = deep[:, :, 0] % 16
    packed = b''.join(np.packbits(((r[:, None] >> np.arange(3, -1, -1)) & 1).astype(np.uint8)).tobytes() for r in low)
    made = (255 - low * 17)[:, :, None].repeat(3, 2)
    yield 'tiff white is 0, 4 bits', tiff_file(tags(4, 0, 1), [packed]), GREY, made, {'bits': 4}
    planes = [rgb[:, :, c].tobytes() for c in range(3)]
    yield 'tiff planes', tiff_file(tags(8, 2, 3, planes=2), planes), RGB, rgb, {}
    strips = [rgb[y:y + 5].tobytes() for y in range(0, HEIGHT, 5)]
    yield 'tiff strips', tiff_file(tags(8, 2, 3, rows=5), strips, '>'), RGB, rgb, {}
    tiles = []
    for y in (0,):
        for x in (0, 16):
            tile = np.zeros((16, 16, 3), np.uint8)
            part = rgb[y:y + 16, x:x + 16]
            tile[:part.shape[0], :part.shape[1]] = part
            tiles.append(tile.tobytes())
    made = tags(8, 2, 3, tile_width=16, tile_height=16)
    del made[278]
    yield 'tiff tiles', tiff_file(made, tiles), RGB, rgb, {}
    alpha = four.astype(int)
    undone = np.where(alpha[..., 3:] > 0, np.minimum(255, 255 * alpha[..., :3] // np.maximum(alpha[..., 3:], 1)),
                      alpha[..., :3])
    yield 'tiff multiplied alpha', tiff_file(tags(8, 2, 4, extra=1), [four.tobytes()]), RGB, undone, {'has_alpha': 1}
    yield 'tiff fourth sample', tiff_file(tags(8, 2, 4, extra=0), [four.tobytes()]), RGB, rgb, {}
    yield 'tiff turned', tiff_file(tags(8, 2, 3, orientation=8), [rgb.tobytes()]), RGB, rgb, {'orientation': 8}


def literal(data):
    text = base64.b64encode(bytes(data)).decode()
    lines = [text[i:i + 104] for i in range(0, len(text), 104)] or ['']
    return '\n'.join('     "%s"' % line for line in lines)


def entry(out, name, data, form, color, pixels, info):
    pixels = np.ascontiguousarray(pixels).astype(np.uint8)
    out.append('    {"%s", %d, %d, %d, %d, %d, %d, %d, %d, %d,\n%s,\n%s},' % (
        name, FORMAT[form], color, pixels.shape[1], pixels.shape[0], info.get('bits', 8), info.get('has_alpha', 0),
        info.get('orientation', 1), info.get('progressive', 0), len(data), literal(data), literal(pixels.tobytes())))


# Pillow reads no BMP of 2, 10 or 4 + 4 bits, and loses the last of an odd number of 4-bit literals.
NOT_PILLOWS = ('bmp palette 2', 'bmp 4444', 'bmp of 10 bits', 'bmp rle4 odd')


def main():
    out = ['/* SPDX-License-Identifier: MIT */',
           '/* Golden numbers, written by golden_formats.py; files and pixels in base64. */',
           '#ifndef CNN_TESTS_IMAGE_GOLDEN_FORMATS_H', '#define CNN_TESTS_IMAGE_GOLDEN_FORMATS_H', '',
           '#include "image/support.h"', '', 'static const golden_file golden_formats[] = {']
    for name, data, color, pixels, info in bmp_files():
        if name not in NOT_PILLOWS:
            different = np.abs(pillow(data).astype(int) - pixels).max()
            assert different == 0, (name, different)
        entry(out, name, data, 'BMP', color, pixels, info)
    for name, data, info in gif_files():
        info['bits'] = (data[10] & 7) + 1
        entry(out, name, data, 'GIF', PALETTE, pillow(data), info)
    for name, data, color, info in webp_files():
        entry(out, name, data, 'WEBP', color, pillow(data), info)
    for name, data, color, pixels, info in tiff_files():
        entry(out, name, data, 'TIFF', color, pillow(data) if pixels is None else pixels, info)
    out += ['};', '', '#endif']
    with open('golden_formats.h', 'w') as file:
        file.write('\n'.join(out) + '\n')


main()
