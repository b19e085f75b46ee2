// Finishing a header and a file without its writer: webm_patch.h over libwebm's element writers.
#include "keeptake/webm_patch.h"

#include "webm_elements.h"
#include "webm_writer_mux.h"

using namespace kt_webm;

namespace
{

// Whether header is one that kt__webm_write_header made; fills the offset of its Tracks.
bool ReadHeader(const uint8_t *header, int64_t *tracks_offset)
{
    static const uint8_t segment[] = {0x18, 0x53, 0x80, 0x67, 0x01};
    static const uint8_t info[] = {0x15, 0x49, 0xA9, 0x66};
    static const uint8_t scale[] = {0x2A, 0xD7, 0xB1, 0x83, 0x0F, 0x42, 0x40};
    static const uint8_t tracks[] = {0x16, 0x54, 0xAE, 0x6B};
    const int info_bytes = header[kInfoOffset + 4] & 0x7F;
    *tracks_offset = kScaleOffset + info_bytes;
    return !memcmp(header + kSegmentOffset, segment, sizeof segment) &&
           !memcmp(header + kInfoOffset, info, sizeof info) && header[kInfoOffset + 4] > 0x80 &&
           !memcmp(header + kScaleOffset, scale, sizeof scale) &&
           (header[kDurationOffset] == 0xEC || header[kDurationOffset] == 0x44) &&
           !memcmp(header + *tracks_offset, tracks, sizeof tracks);
}

// An element's payload: [at, end) of the header.
struct Span {
    int64_t at, end;
};

// Reads the element at outer->at, which moves behind it. False: none is there, or not whole.
bool NextElement(const uint8_t *header, Span *outer, uint32_t *id, Span *payload)
{
    int id_bytes = 1, size_bytes = 1;
    int64_t at = outer->at;
    if (at >= outer->end || header[at] < 0x10)
        return false;
    while (!(header[at] & (0x100 >> id_bytes)))
        id_bytes++;
    if (at + id_bytes >= outer->end || header[at + id_bytes] == 0)
        return false;
    *id = 0;
    for (int i = 0; i < id_bytes; i++)
        *id = *id << 8 | header[at++];
    while (!(header[at] & (0x100 >> size_bytes)))
        size_bytes++;
    if (at + size_bytes > outer->end)
        return false;
    uint64_t size = header[at++] & (0xFFu >> size_bytes);
    for (int i = 1; i < size_bytes; i++)
        size = size << 8 | header[at++];
    if (size > static_cast<uint64_t>(outer->end - at))
        return false;
    *payload = {at, at + static_cast<int64_t>(size)};
    outer->at = payload->end;
    return true;
}

// The first child of that ID; what is before it is passed over.
bool FindChild(const uint8_t *header, Span outer, uint64_t wanted, Span *payload)
{
    uint32_t id;
    while (NextElement(header, &outer, &id, payload))
        if (id == wanted)
            return true;
    return false;
}

// The payload of the first track's entry.
bool FirstTrack(const uint8_t *header, Span *track)
{
    Span all = {0, KT_WEBM_HEADER_BYTES}, tracks;
    return ReadHeader(header, &all.at) && FindChild(header, all, libwebm::kMkvTracks, &tracks) &&
           FindChild(header, tracks, libwebm::kMkvTrackEntry, track);
}

// Where a header states its DefaultDuration or has room for it, or -1.
int64_t FrameDurationOffset(const uint8_t *header)
{
    static const uint8_t reserved[] = {0xEC, 0x80 | (kFrameDurationBytes - 2)};
    static const uint8_t stated[] = {0x23, 0xE3, 0x83, 0x84};
    Span track;
    if (!FirstTrack(header, &track) || track.end - track.at < kFrameDurationBytes)
        return -1;
    return !memcmp(header + track.at, reserved, sizeof reserved) ||
                   !memcmp(header + track.at, stated, sizeof stated)
               ? track.at
               : -1;
}

// Where the size of the pictures stands; ERR_ARG: no video, ERR_FORMAT: of other bytes than ours.
KtStatus FindSize(const uint8_t *header, Span *width, Span *height)
{
    Span track, video;
    if (!FirstTrack(header, &track) || !FindChild(header, track, libwebm::kMkvVideo, &video) ||
        !FindChild(header, video, libwebm::kMkvPixelWidth, width) ||
        !FindChild(header, video, libwebm::kMkvPixelHeight, height))
        return KT_ERR_ARG;
    return width->end - width->at == kSideBytes && height->end - height->at == kSideBytes
               ? KT_OK
               : KT_ERR_FORMAT;
}

void PutSide(uint8_t *header, const Span &at, int side)
{
    header[at.at] = static_cast<uint8_t>(side >> 8);
    header[at.at + 1] = static_cast<uint8_t>(side);
}

void FillCue(mkvmuxer::CuePoint *point, const KtFileCue &cue)
{
    point->set_time(static_cast<uint64_t>((cue.time_us + 500) / 1000));
    point->set_track(KT__WEBM_VIDEO_NUMBER);
    point->set_cluster_pos(static_cast<uint64_t>(cue.cluster_offset - kSeekHeadOffset));
}

// The sizes of all cue points together, or 0 where a cue is out of its range.
uint64_t CuesPayloadBytes(const KtFileCue *cues, size_t count)
{
    uint64_t size = 0;
    for (size_t i = 0; i < count; i++) {
        if (cues[i].time_us < 0 || cues[i].cluster_offset < KT_WEBM_HEADER_BYTES)
            return 0;
        mkvmuxer::CuePoint point;
        FillCue(&point, cues[i]);
        size += point.Size();
    }
    return size;
}

} // namespace

KtStatus kt_webm_patch_header(uint8_t header[KT_WEBM_HEADER_BYTES], int64_t duration_us,
                              int64_t cues_offset, int64_t file_bytes)
{
    int64_t tracks_offset;
    if (!header || duration_us < 0 || file_bytes < KT_WEBM_HEADER_BYTES ||
        cues_offset >= file_bytes || (cues_offset >= 0 && cues_offset < KT_WEBM_HEADER_BYTES))
        return KT_ERR_ARG;
    if (!ReadHeader(header, &tracks_offset))
        return KT_ERR_FORMAT;
    MemoryWriter w(header, KT_WEBM_HEADER_BYTES);
    const uint64_t segment_bytes = static_cast<uint64_t>(file_bytes - kSeekHeadOffset);
    if (w.Position(kSegmentOffset + 4) || WriteUIntSize(&w, segment_bytes, 8) ||
        !WriteSeekHead(&w, tracks_offset, cues_offset))
        return KT_ERR_ARG;
    /* 0 is no valid Duration: an empty take keeps the Void. */
    if (duration_us > 0 &&
        (w.Position(kDurationOffset) ||
         !WriteDouble(&w, libwebm::kMkvDuration, static_cast<double>(duration_us) / 1000.0)))
        return KT_ERR_ARG;
    return KT_OK;
}

int kt_webm_is_header(const uint8_t *data, size_t bytes)
{
    int64_t tracks_offset;
    return data && bytes == KT_WEBM_HEADER_BYTES && ReadHeader(data, &tracks_offset);
}

KtStatus kt_webm_patch_rate(uint8_t header[KT_WEBM_HEADER_BYTES], int fps)
{
    const int64_t at = !header || fps < 1 ? -1 : FrameDurationOffset(header);
    if (at < 0)
        return KT_ERR_ARG;
    MemoryWriter w(header, KT_WEBM_HEADER_BYTES);
    const int64_t ns = (1000000000 + fps / 2) / fps;
    const bool good = !w.Position(at) && !WriteID(&w, libwebm::kMkvDefaultDuration) &&
                      !WriteUInt(&w, 4) && !SerializeInt(&w, ns, 4);
    return good ? KT_OK : KT_ERR_ARG;
}

KtStatus kt_webm_patch_size(uint8_t header[KT_WEBM_HEADER_BYTES], int width, int height)
{
    Span at_width, at_height;
    if (!header || width < 1 || height < 1 || width > kMaxSide || height > kMaxSide)
        return KT_ERR_ARG;
    const KtStatus status = FindSize(header, &at_width, &at_height);
    if (status != KT_OK)
        return status;
    PutSide(header, at_width, width);
    PutSide(header, at_height, height);
    return KT_OK;
}

void kt_webm_copy_stated(uint8_t header[KT_WEBM_HEADER_BYTES],
                         const uint8_t from[KT_WEBM_HEADER_BYTES])
{
    Span to[2], of[2];
    if (!header || !from)
        return;
    const int64_t at = FrameDurationOffset(header);
    if (at >= 0 && at == FrameDurationOffset(from))
        memcpy(header + at, from + at, kFrameDurationBytes);
    if (FindSize(header, &to[0], &to[1]) != KT_OK || FindSize(from, &of[0], &of[1]) != KT_OK)
        return;
    for (int i = 0; i < 2; i++)
        if (to[i].at == of[i].at)
            memcpy(header + to[i].at, from + of[i].at, kSideBytes);
}

int64_t kt_webm_cues_bytes(const KtFileCue *cues, size_t count)
{
    const uint64_t payload = cues && count ? CuesPayloadBytes(cues, count) : 0;
    if (payload == 0)
        return KT_ERR_ARG;
    return static_cast<int64_t>(EbmlMasterElementSize(libwebm::kMkvCues, payload) + payload);
}

int64_t kt_webm_write_cues(const KtFileCue *cues, size_t count, uint8_t *out, size_t out_bytes)
{
    const int64_t bytes = kt_webm_cues_bytes(cues, count);
    if (bytes < 0 || !out)
        return KT_ERR_ARG;
    if (static_cast<uint64_t>(bytes) > out_bytes)
        return KT_ERR_SPACE;
    MemoryWriter w(out, out_bytes);
    bool good = WriteEbmlMasterElement(&w, libwebm::kMkvCues, CuesPayloadBytes(cues, count));
    for (size_t i = 0; good && i < count; i++) {
        mkvmuxer::CuePoint point;
        FillCue(&point, cues[i]);
        good = point.Write(&w);
    }
    return good && w.Position() == bytes ? bytes : static_cast<int64_t>(KT_ERR_ARG);
}
