export const mediaDevices: MediaDevices;
/** mediaDevices.getUserMedia: a test picture and a tone. */
export function getUserMedia(constraints?: MediaStreamConstraints): Promise<MediaStream>;

export namespace nonstandard {
  /** I420 (Y, U and V planes one after the other, rows without padding) or RGBA, as the function at hand says. */
  interface RTCVideoFrame {
    width: number;
    height: number;
    data: Uint8Array | Uint8ClampedArray;
    /** Degrees clockwise: 0, 90, 180 or 270. */
    rotation?: number;
  }
  interface RTCAudioData {
    samples: Int16Array;
    /** Hz. */
    sampleRate: number;
    bitsPerSample?: 16;
    channelCount?: number;
    numberOfFrames?: number;
  }
  interface RTCVideoSourceInit {
    isScreencast?: boolean;
    needsDenoising?: boolean;
  }
  class RTCVideoSource {
    constructor(init?: RTCVideoSourceInit);
    readonly isScreencast: boolean;
    readonly needsDenoising: boolean | undefined;
    createTrack(): MediaStreamTrack;
    onFrame(frame: RTCVideoFrame): void;
  }
  class RTCVideoSink extends EventTarget {
    constructor(track: MediaStreamTrack);
    readonly stopped: boolean;
    onframe: ((event: { frame: RTCVideoFrame & { data: Uint8Array; rotation: number } }) => any) | null;
    stop(): void;
  }
  class RTCAudioSource {
    createTrack(): MediaStreamTrack;
    onData(data: RTCAudioData): void;
  }
  class RTCAudioSink extends EventTarget {
    constructor(track: MediaStreamTrack);
    readonly stopped: boolean;
    ondata: ((event: RTCAudioData) => any) | null;
    stop(): void;
  }
  function i420ToRgba(i420: RTCVideoFrame, rgba: RTCVideoFrame): void;
  function rgbaToI420(rgba: RTCVideoFrame, i420: RTCVideoFrame): void;
  /** Before the first connection or track of the thread: whether loopback addresses become candidates. */
  function configure(options: { includeLoopback?: boolean }): void;
}
