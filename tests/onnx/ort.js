// SPDX-License-Identifier: MIT
// Runs the models that write_cases wrote in ONNX Runtime: node ort.js RUNTIME FOLDER [NAME...]. A line for each, with the
// largest difference of the largest value of an output and whether the five largest values are the same ones; the exit
// status is 1 if one is above 1e-4 or they are not. Of images that are resized as bytes a few may be one level off: the
// rounding of ONNX Runtime's fixed-point numbers is not quite Pillow's.
'use strict';
const fs = require('fs');
const path = require('path');
const ort = require(process.argv[2]);
const folder = process.argv[3];
const names = process.argv.length > 4 ? process.argv.slice(4)
    : fs.readdirSync(folder).filter((f) => f.endsWith('.onnx')).map((f) => f.slice(0, -5)).sort();

function ports(name) {
    return fs.readFileSync(path.join(folder, name + '.txt'), 'utf8').trim().split('\n').map((line) => {
        const words = line.split(' ');
        const bytes = fs.readFileSync(path.join(folder, words[2]));
        const values = words[2].endsWith('.u8') ? new Uint8Array(bytes)
            : new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
        return {direction: words[0], name: words[1], sizes: words.slice(3).map(Number), values};
    });
}

// Places of the largest values of a row, those that differ by less than the tolerance in any order.
function same_top(ours, theirs, count, tolerance) {
    const rank = (v) => Array.from(v.keys()).sort((a, b) => v[b] - v[a] || a - b).slice(0, count);
    const a = rank(ours), b = rank(theirs);
    return a.every((place, i) => place === b[i] || Math.abs(ours[place] - ours[b[i]]) <= tolerance);
}

function compare(port, value, images) {
    let most = 0, off = 0, others = 0;
    if (value.dims.join() !== port.sizes.join()) {
        return {error: `"${port.name}" is ${value.dims} there, ${port.sizes} here`};
    }
    for (let i = 0; i < port.values.length; i++) {
        most = Math.max(most, Math.abs(port.values[i]));
        const d = Math.abs(port.values[i] - value.data[i]);
        off = Number.isNaN(d) ? Infinity : Math.max(off, d);
        others += d > 1e-4 * most;
    }
    if (images) {
        return {relative: others > port.values.length / 50 || off > 0.02 * most ? 1 : 0, top: true, most};
    }
    const row = port.values.length / port.sizes[0];
    let top = true;
    for (let r = 0; r < port.sizes[0]; r++) {
        top = top && same_top(port.values.subarray(r * row, r * row + row), value.data.subarray(r * row, r * row + row),
            Math.min(5, row), 1e-4 * most);
    }
    return {relative: most > 0 ? off / most : off, top, most};
}

async function run(name) {
    const all = ports(name), feeds = {};
    const session = await ort.InferenceSession.create(path.join(folder, name + '.onnx'),
        {intraOpNumThreads: 2, logSeverityLevel: 3});
    for (const port of all.filter((p) => p.direction === 'in')) {
        feeds[port.name] = new ort.Tensor(port.values instanceof Uint8Array ? 'uint8' : 'float32', port.values,
            port.sizes);
    }
    const values = await session.run(feeds);
    let worst = 0, top = true, error = '';
    for (const port of all.filter((p) => p.direction === 'out')) {
        const result = port.name in values ? compare(port, values[port.name], name.startsWith('images')) : {error: `no output "${port.name}"`};
        error = error || result.error || '';
        worst = Math.max(worst, result.relative || 0);
        top = top && result.top !== false && result.most > 0;
    }
    return {worst, top, error};
}

(async () => {
    let failed = names.length === 0;
    for (const name of names) {
        let line;
        try {
            const {worst, top, error} = await run(name);
            const good = error === '' && worst <= 1e-4 && top;
            failed = failed || !good;
            line = `${good ? 'ok' : 'not ok'} ${name} ${worst.toExponential(2)}${top ? '' : ' other top five'} ${error}`;
        } catch (e) {
            failed = true;
            line = `not ok ${name} ${e.message.replace(/\s+/g, ' ').slice(0, 300)}`;
        }
        console.log(line.trim());
    }
    process.exit(failed ? 1 : 0);
})();
