// What getStats() says, once a second, as numbers for people.

/** Differences of counters between two calls make rates. */
export class Meter {
  #last = null;

  /** {rtt (s), inbound, outbound (bit/s), framesPerSecond, framesDecoded, packetsLost, path} or null before anything is known. */
  async read(pc) {
    const report = await pc.getStats();
    const now = performance.now();
    const sums = { received: 0, sent: 0, decoded: 0, lost: 0 };
    let pair = null;
    for (const stats of report.values()) {
      if (stats.type === 'inbound-rtp') {
        sums.received += stats.bytesReceived ?? 0;
        sums.decoded += stats.framesDecoded ?? 0;
        sums.lost += stats.packetsLost ?? 0;
      } else if (stats.type === 'outbound-rtp') {
        sums.sent += stats.bytesSent ?? 0;
      } else if (stats.type === 'transport' && stats.selectedCandidatePairId) {
        pair = report.get(stats.selectedCandidatePairId) ?? pair;
      } else if (stats.type === 'candidate-pair' && (stats.selected || (stats.nominated && stats.state === 'succeeded'))) {
        pair ??= stats;
      }
    }
    const last = this.#last;
    this.#last = { ...sums, now };
    const rate = (key) => (last && now > last.now ? Math.max(0, (sums[key] - last[key]) / ((now - last.now) / 1000)) : null);
    const kind = (id) => report.get(id)?.candidateType ?? '?';
    return {
      rtt: pair?.currentRoundTripTime ?? null,
      inbound: rate('received') === null ? null : rate('received') * 8,
      outbound: rate('sent') === null ? null : rate('sent') * 8,
      framesPerSecond: rate('decoded'),
      framesDecoded: sums.decoded,
      packetsLost: sums.lost,
      path: pair ? `${kind(pair.localCandidateId)} to ${kind(pair.remoteCandidateId)}` : null,
    };
  }
}

export function bitrate(bits) {
  if (bits === null) return '–';
  return bits >= 1e6 ? `${(bits / 1e6).toFixed(2)} Mbit/s` : `${(bits / 1e3).toFixed(0)} kbit/s`;
}

export function byteCount(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
