// MediaStream and MediaStreamTrack in the table.
#include "class_table.hpp"
#include "tables.hpp"

namespace peerage::node {

void addMedia(Environment& e, Napi::Object exports) {
  using Track = MediaStreamTrack;

  Class<Track>(e, exports)
      .get<&Track::kind>("kind")
      .get<&Track::id>("id")
      .get<&Track::label>("label")
      .get<&Track::enabled>("enabled")
      .set<&Track::setEnabled>("enabled")
      .get<&Track::muted>("muted")
      .get<&Track::readyState>("readyState")
      .call<&Track::clone>("clone")
      .call<&Track::stop>("stop");

  Class<MediaStream>(e, exports)
      .construct<[](EventLoop& loop, std::vector<std::shared_ptr<Track>> tracks) {
        return MediaStream::create(loop, std::move(tracks));
      }>()
      .get<&MediaStream::id>("id")
      .get<&MediaStream::active>("active")
      .call<&MediaStream::getTracks>("getTracks")
      .call<&MediaStream::getAudioTracks>("getAudioTracks")
      .call<&MediaStream::getVideoTracks>("getVideoTracks")
      .call<&MediaStream::getTrackById>("getTrackById")
      .call<&MediaStream::addTrack>("addTrack")
      .call<&MediaStream::removeTrack>("removeTrack");
}

}  // namespace peerage::node
