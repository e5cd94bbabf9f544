#include <vpx/vp8dx.h>
#include <vpx/vpx_decoder.h>

#include <cstring>
#include <string>

#include "codecs/vp8_codec.hpp"
#include "media/packetizer.hpp"
#include "media/vp8.hpp"

namespace peerage::codecs {

namespace {

using media::EncodedFrame;

/// Planes of an I420Buffer are packed: their stride is their width.
void copyPlane(const vpx_image_t& image, int plane, uint8_t* to, int width, int height) {
  const uint8_t* from = image.planes[plane];
  for (int row = 0; row < height; ++row, from += image.stride[plane], to += width) {
    std::memcpy(to, from, static_cast<size_t>(width));
  }
}

/// What libvpx would allocate for is checked before libvpx sees it; after an error it is opened anew for the next key
/// frame.
class Vp8Decoder final : public media::VideoDecoder {
 public:
  Vp8Decoder() = default;
  Vp8Decoder(const Vp8Decoder&) = delete;
  Vp8Decoder& operator=(const Vp8Decoder&) = delete;
  ~Vp8Decoder() override { close(); }

  Result<std::optional<VideoFrame>> decode(const EncodedFrame& frame) override;
  std::string_view implementation() const override { return "libvpx"; }

 private:
  Result<> open();
  void close();
  Result<> admit(const EncodedFrame& frame);
  std::unexpected<Error> broken(std::string why);

  vpx_codec_ctx_t codec_{};
  bool open_ = false;
};

Result<> Vp8Decoder::open() {
  vpx_codec_dec_cfg_t settings{};
  settings.threads = 1;
  if (vpx_codec_dec_init(&codec_, vpx_codec_vp8_dx(), &settings, 0) != VPX_CODEC_OK) {
    return failure(std::string("libvpx: opening a VP8 decoder: ") + vpx_codec_error(&codec_));
  }
  open_ = true;
  return {};
}

void Vp8Decoder::close() {
  if (open_) vpx_codec_destroy(&codec_);
  open_ = false;
}

std::unexpected<Error> Vp8Decoder::broken(std::string why) {
  close();
  return std::unexpected(Error{std::move(why)});
}

Result<> Vp8Decoder::admit(const EncodedFrame& frame) {
  if (frame.data.size() > media::kMaxFrameBytes) {
    return broken("VP8 frame of " + std::to_string(frame.data.size()) + " bytes, over " +
                  std::to_string(media::kMaxFrameBytes));
  }
  const auto header = media::Vp8FrameHeader::parse(frame.data);
  if (!header) return broken("no VP8 frame header");
  if (!header->key) {
    if (!open_) return failure("VP8 frame that refers to others, with no key frame before it");
    return {};
  }
  const int width = header->width, height = header->height;
  if (width < 1 || width > media::kMaxVideoWidth || height < 1 || height > media::kMaxVideoHeight ||
      int64_t{width} * height > media::kMaxVideoPixels) {
    return broken("VP8 key frame of " + std::to_string(width) + "x" + std::to_string(height) + ", each side is 1 to " +
                  std::to_string(media::kMaxVideoWidth) + " and their product at most " +
                  std::to_string(media::kMaxVideoPixels));
  }
  if (open_) return {};
  return open();
}

Result<std::optional<VideoFrame>> Vp8Decoder::decode(const EncodedFrame& frame) {
  if (auto admitted = admit(frame); !admitted) return std::unexpected(admitted.error());
  const auto size = static_cast<unsigned>(frame.data.size());
  if (vpx_codec_decode(&codec_, frame.data.data(), size, nullptr, 0) != VPX_CODEC_OK) {
    const char* detail = vpx_codec_error_detail(&codec_);
    return broken(std::string("libvpx: decoding: ") + vpx_codec_error(&codec_) + (detail ? ", " : "") +
                  (detail ? detail : ""));
  }
  int corrupted = 0;
  if (vpx_codec_control(&codec_, VP8D_GET_FRAME_CORRUPTED, &corrupted) == VPX_CODEC_OK && corrupted != 0) {
    return broken("VP8 frame ends before its last macroblock");
  }
  vpx_codec_iter_t iterator = nullptr;
  const vpx_image_t* image = vpx_codec_get_frame(&codec_, &iterator);
  if (!image) return std::nullopt;  // show_frame is 0
  VideoFrame result;
  result.buffer = I420Buffer::create(static_cast<int>(image->d_w), static_cast<int>(image->d_h));
  I420Buffer& to = *result.buffer;
  copyPlane(*image, VPX_PLANE_Y, to.y(), to.width(), to.height());
  copyPlane(*image, VPX_PLANE_U, to.u(), to.chromaWidth(), to.chromaHeight());
  copyPlane(*image, VPX_PLANE_V, to.v(), to.chromaWidth(), to.chromaHeight());
  result.timestamp = frame.captureTime;
  result.rtpTimestamp = frame.rtpTimestamp;
  return result;
}

}  // namespace

Result<std::unique_ptr<media::VideoDecoder>> createVp8Decoder() { return std::make_unique<Vp8Decoder>(); }

}  // namespace peerage::codecs
