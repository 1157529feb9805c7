// SPDX-License-Identifier: MIT
// Times inference in ONNX Runtime in turn with `cnn bench`, and prints the ratios of the medians. The networks are
// those that compare.py --export DIR writes.
//
//     npm install onnxruntime-node@1.30
//     node tests/performance/onnx_runtime.js DIR build/src/cnn [ROUNDS [THREADS]]
const { execFileSync } = require('child_process');
const fs = require('fs');
const path = require('path');
const ort = require('onnxruntime-node');

const [folder, cnn, rounds = '5', threads = '2'] = process.argv.slice(2);

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

// Batch and image size follow from the name.
function shapeOf(name) {
  const side = name.startsWith('alexnet') ? 227 : /^(resnet|mobilenet)/.test(name) ? 224 : 150;
  return [Number(name.match(/\d+$/)[0]), 3, side, side];
}

async function theirs(file, shape) {
  const session = await ort.InferenceSession.create(file, { intraOpNumThreads: Number(threads) });
  const images = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, Math.random);
  const feeds = { x: new ort.Tensor('float32', images, shape) };
  const times = [];
  for (let i = 0; i < 3 + (shape[0] === 1 ? 25 : 7); i++) {
    const begin = process.hrtime.bigint();
    await session.run(feeds);
    times.push(Number(process.hrtime.bigint() - begin) / 1e6);
  }
  return median(times.slice(3));
}

function ours(name) {
  const options = ['bench', name, '--threads', threads, '--json', '--quiet'];
  return JSON.parse(execFileSync(cnn, options)).ms;
}

(async () => {
  for (const file of fs.readdirSync(folder).filter((entry) => entry.endsWith('.onnx'))) {
    const name = path.basename(file, '.onnx');
    const a = [], b = [];
    for (let i = 0; i < Number(rounds); i++) {
      a.push(ours(name));
      b.push(await theirs(path.join(folder, file), shapeOf(name)));
    }
    const ratio = (median(b) / median(a)).toFixed(2);
    console.log(`${name}: libcnn ${median(a).toFixed(2)} ms, ONNX Runtime ${median(b).toFixed(2)} ms, ${ratio}x`);
  }
})();
