// Disks that are small, full, read-only or hang, for the state directory of a daemon: real file systems, mounted for a
// test and unmounted after it, whatever becomes of the test. Needs root, or sudo that asks for nothing.
// Must not know what is on the disk.

import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, truncateSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const BLOCK = Buffer.alloc(4096, 'x');
const REFILL_MS = 20;
const mounted = new Set();

process.on('exit', () => {
  for (const disk of mounted) disk.unmount();
});

function asRoot(command, ...args) {
  const [file, ...rest] = process.getuid() === 0 ? [command, ...args] : ['sudo', '-n', command, ...args];
  return execFileSync(file, rest, { stdio: 'pipe', encoding: 'utf8', env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` } });
}

/** Why no disk of that kind can be had here; false when it can. */
export function noDisk(kind) {
  try {
    new Disk(kind).unmount();
    return false;
  } catch (error) {
    return `no ${kind} can be mounted here (root, or sudo without a password, is needed): ${error.message.trim().split('\n').at(-1)}`;
  }
}

export class Disk {
  /** `kind`: 'tmpfs', or 'ext4' in a file, which can hang and has immutable files; `size` in KiB. */
  constructor(kind, size = kind === 'ext4' ? 8192 : 1024) {
    this.kind = kind;
    this.dir = mkdtempSync(path.join(tmpdir(), 'pong-disk-'));
    this.image = `${this.dir}.img`;
    this.frozen = false;
    this.refilling = null;
    try {
      if (kind === 'ext4') this.format(size);
      else asRoot('mount', '-t', 'tmpfs', '-o', `size=${size}k`, 'pong-test', this.dir);
      mounted.add(this);
      asRoot('chown', `${process.getuid()}:${process.getgid()}`, this.dir);
    } catch (error) {
      this.unmount();
      throw error;
    }
  }

  format(size) {
    closeSync(openSync(this.image, 'w'));
    truncateSync(this.image, size * 1024);
    asRoot('mkfs.ext4', '-q', '-m', '0', this.image);
    this.mountImage();
  }

  mountImage() {
    asRoot('mount', '-o', 'loop,errors=remount-ro', this.image, this.dir);
  }

  /** Not a block is left; and what is freed while it is full is taken at once. */
  fill() {
    const fd = openSync(path.join(this.dir, 'filler'), 'a');
    const fillUp = () => {
      for (let size = BLOCK.length; size >= 1; size = Math.floor(size / 4)) {
        try {
          while (writeSync(fd, BLOCK, 0, size) > 0);
        } catch (error) {
          if (error.code !== 'ENOSPC') throw error;
        }
      }
    };
    fillUp();
    this.refilling = { timer: setInterval(fillUp, REFILL_MS), fd };
  }

  free() {
    if (!this.refilling) return;
    clearInterval(this.refilling.timer);
    closeSync(this.refilling.fd);
    this.refilling = null;
    rmSync(path.join(this.dir, 'filler'));
  }

  /** Possible only while no file is open for writing, as for `mount`. */
  setReadOnly(isReadOnly) {
    asRoot('mount', '-o', `remount,${isReadOnly ? 'ro' : 'rw'}`, this.dir);
  }

  /** ext4: no file can be written, open ones included, nor can one be made. */
  setImmutable(isImmutable) {
    const flag = isImmutable ? '+i' : '-i';
    for (const name of readdirSync(this.dir)) {
      if (name !== 'lost+found') asRoot('chattr', flag, path.join(this.dir, name));
    }
    asRoot('chattr', flag, this.dir);
  }

  /** ext4: whoever writes waits until it is thawed. */
  freeze() {
    asRoot('fsfreeze', '-f', this.dir);
    this.frozen = true;
  }

  thaw() {
    if (this.frozen) asRoot('fsfreeze', '-u', this.dir);
    this.frozen = false;
  }

  /** ext4: what the kernel does when it meets an error on the device: read-only from now on, for good. */
  failForGood() {
    const device = path.basename(asRoot('findmnt', '-no', 'SOURCE', this.dir).trim());
    asRoot('sh', '-c', `echo 1 > /sys/fs/ext4/${device}/trigger_fs_error || true`);
  }

  /** Nobody uses it: checked and mounted again. */
  repair() {
    asRoot('umount', this.dir);
    try {
      asRoot('e2fsck', '-fy', this.image);
    } catch (error) {
      if (error.status > 1) throw error; // 1: errors were corrected
    }
    this.mountImage();
  }

  /** Whatever state it is in. */
  unmount() {
    try {
      if (this.refilling) this.free();
      this.thaw();
      if (this.kind === 'ext4' && mounted.has(this)) this.setImmutable(false);
    } catch {
      // what matters is that it goes
    }
    if (mounted.delete(this)) asRoot('umount', '-l', this.dir);
    rmSync(this.image, { force: true });
    rmSync(this.dir, { recursive: true, force: true });
  }
}
