// S3's checksums, made here the slow way and apart from the server's.
import { createHash } from 'node:crypto';

/** Table of a reflected CRC; width in bits. */
function table(polynomial) {
  return Array.from({ length: 256 }, (_, i) => {
    let crc = BigInt(i);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ polynomial : crc >> 1n;
    return crc;
  });
}

function crc(polynomial, bits) {
  const steps = table(polynomial);
  const ones = (1n << BigInt(bits)) - 1n;
  return (data) => {
    let value = ones;
    for (const byte of data) value = (value >> 8n) ^ steps[Number(value & 255n) ^ byte];
    return Buffer.from((value ^ ones).toString(16).padStart(bits / 4, '0'), 'hex');
  };
}

const hash = (name) => (data) => createHash(name).update(data).digest();

/** name (as in x-amz-checksum-<name>) to a function from bytes to the checksum's bytes. */
export const SUMS = {
  crc32: crc(0xedb88320n, 32),
  crc32c: crc(0x82f63b78n, 32),
  crc64nvme: crc(0x9a6c9329ac4bc9b5n, 64),
  sha1: hash('sha1'),
  sha256: hash('sha256'),
};

export const base64 = (name, data) => SUMS[name](data).toString('base64');

/** Checksum of the parts' checksums, as S3 writes it. */
export function composite(name, parts) {
  return `${base64(name, Buffer.concat(parts.map((part) => SUMS[name](part))))}-${parts.length}`;
}
