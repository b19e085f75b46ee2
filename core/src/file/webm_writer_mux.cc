// The one file that knows libwebm: each element of a take file, serialised into the caller's
// memory.
//
// libwebm's Segment owns the whole file and allocates for every frame; here its element writers are
// used one by one on buffers of known size, so that nothing is allocated, nothing is thrown, and
// bytes that are patched later are known to lie in the header or in the open cluster.
#include "webm_writer_mux.h"

#include <cstdio>
#include <cstring>

#include "common/webmids.h"
#include "mkvmuxer/mkvmuxer.h"
#include "mkvmuxer/mkvmuxerutil.h"

namespace
{

using mkvmuxer::EbmlElementSize;
using mkvmuxer::EbmlMasterElementSize;
using mkvmuxer::SerializeInt;
using mkvmuxer::uint64;
using mkvmuxer::WriteEbmlElement;
using mkvmuxer::WriteEbmlMasterElement;
using mkvmuxer::WriteID;
using mkvmuxer::WriteUInt;
using mkvmuxer::WriteUIntSize;

// docs/take-file.md: where the header's patched fields lie.
const int64_t kSegmentOffset = 36;
const int64_t kSeekHeadOffset = kSegmentOffset + 12;
const int64_t kInfoOffset = kSeekHeadOffset + 110;
const int64_t kScaleOffset = kInfoOffset + 5;
const int64_t kDurationOffset = kScaleOffset + 7;
const uint64_t kDurationBytes = 11;
// The video track's DefaultDuration: a Void of this size until the file's end.
const uint64_t kFrameDurationBytes = 8;
const uint64_t kTimestampScaleNs = 1000000;
const uint64_t kSeekPreRollNs = 80000000;
const uint64_t kUnknownSize = 0x01FFFFFFFFFFFFFFull;
const int64_t kUnixEpochInMatroskaNs = 978307200000000000; // 2001-01-01 after 1970-01-01

// libwebm's sink: a piece of the caller's memory that refuses what does not fit.
class MemoryWriter : public mkvmuxer::IMkvWriter
{
  public:
    MemoryWriter(uint8_t *data, size_t bytes) : data_(data), bytes_(bytes), position_(0)
    {
    }
    ~MemoryWriter() override
    {
    }
    mkvmuxer::int32 Write(const void *buf, mkvmuxer::uint32 len) override
    {
        if (len > bytes_ - position_)
            return -1;
        memcpy(data_ + position_, buf, len);
        position_ += len;
        return 0;
    }
    mkvmuxer::int64 Position() const override
    {
        return static_cast<mkvmuxer::int64>(position_);
    }
    mkvmuxer::int32 Position(mkvmuxer::int64 position) override
    {
        if (position < 0 || static_cast<uint64_t>(position) > bytes_)
            return -1;
        position_ = static_cast<size_t>(position);
        return 0;
    }
    bool Seekable() const override
    {
        return true;
    }
    void ElementStartNotify(uint64, mkvmuxer::int64) override
    {
    }

  private:
    uint8_t *data_;
    size_t bytes_;
    size_t position_;
};

bool WriteDouble(MemoryWriter *w, uint64_t id, double value)
{
    uint64_t bits;
    static_assert(sizeof bits == sizeof value, "EBML floats are 8 bytes here");
    memcpy(&bits, &value, sizeof bits);
    return !WriteID(w, id) && !WriteUInt(w, 8) && !SerializeInt(w, static_cast<int64_t>(bits), 8);
}

bool WriteUnsigned(MemoryWriter *w, uint64_t id, uint64_t value)
{
    return WriteEbmlElement(w, id, static_cast<uint64>(value));
}

uint64_t UnsignedBytes(uint64_t id, uint64_t value)
{
    return EbmlElementSize(id, static_cast<uint64>(value));
}

bool WriteInfo(MemoryWriter *w, const KtWebmWriterConfig &c)
{
    char muxer[32];
    mkvmuxer::int32 major, minor, build, revision;
    mkvmuxer::GetVersion(&major, &minor, &build, &revision);
    snprintf(muxer, sizeof muxer, "libwebm-%d.%d.%d.%d", major, minor, build, revision);
    const char *app = c.app_name ? c.app_name : "Keeptake";
    uint64_t size = UnsignedBytes(libwebm::kMkvTimecodeScale, kTimestampScaleNs) + kDurationBytes +
                    EbmlElementSize(libwebm::kMkvMuxingApp, muxer) +
                    EbmlElementSize(libwebm::kMkvWritingApp, app);
    if (c.date_unix_us > 0)
        size += mkvmuxer::EbmlDateElementSize(libwebm::kMkvDateUTC);
    if (!WriteEbmlMasterElement(w, libwebm::kMkvInfo, size) || w->Position() != kScaleOffset ||
        !WriteUnsigned(w, libwebm::kMkvTimecodeScale, kTimestampScaleNs) ||
        w->Position() != kDurationOffset || !mkvmuxer::WriteVoidElement(w, kDurationBytes))
        return false;
    const int64_t date_ns = c.date_unix_us * 1000 - kUnixEpochInMatroskaNs;
    if (c.date_unix_us > 0 && !mkvmuxer::WriteEbmlDateElement(w, libwebm::kMkvDateUTC, date_ns))
        return false;
    return WriteEbmlElement(w, libwebm::kMkvMuxingApp, muxer) &&
           WriteEbmlElement(w, libwebm::kMkvWritingApp, app);
}

// Limited range. Sources are sRGB: primaries and transfer are BT.709's also where VP8 wants the
// matrix of BT.601. Chroma lies at the left, halfway between two rows.
void FillColour(mkvmuxer::Colour *colour, KtColorMatrix matrix)
{
    const bool hd = matrix == KT_COLOR_BT709;
    colour->set_matrix_coefficients(hd ? mkvmuxer::Colour::kBt709 : mkvmuxer::Colour::kSmpte170MMc);
    colour->set_range(mkvmuxer::Colour::kBroadcastRange);
    colour->set_transfer_characteristics(mkvmuxer::Colour::kIturBt709Tc);
    colour->set_primaries(mkvmuxer::Colour::kIturBt709P);
    colour->set_bits_per_channel(8);
    colour->set_chroma_subsampling_horz(1);
    colour->set_chroma_subsampling_vert(1);
    colour->set_chroma_siting_horz(mkvmuxer::Colour::kLeftCollocated);
    colour->set_chroma_siting_vert(mkvmuxer::Colour::kHalfCsv);
}

// What every track entry begins with. Written twice: into a scratch buffer to learn its size, then
// for good.
bool WriteTrackStart(MemoryWriter *w, int number, int type, const char *codec_id)
{
    return WriteUnsigned(w, libwebm::kMkvTrackNumber, static_cast<uint64_t>(number)) &&
           WriteUnsigned(w, libwebm::kMkvTrackUID, static_cast<uint64_t>(number)) &&
           WriteUnsigned(w, libwebm::kMkvTrackType, static_cast<uint64_t>(type)) &&
           WriteUnsigned(w, libwebm::kMkvFlagLacing, 0) &&
           WriteEbmlElement(w, libwebm::kMkvLanguage, "und") &&
           WriteEbmlElement(w, libwebm::kMkvCodecID, codec_id);
}

bool WriteVideoEntry(MemoryWriter *w, const KtWebmWriterConfig &c)
{
    mkvmuxer::Colour colour;
    FillColour(&colour, c.matrix);
    const uint64_t width = static_cast<uint64_t>(c.width);
    const uint64_t height = static_cast<uint64_t>(c.height);
    const uint64_t size = UnsignedBytes(libwebm::kMkvPixelWidth, width) +
                          UnsignedBytes(libwebm::kMkvPixelHeight, height) + colour.ColourSize();
    const char *codec_id =
        c.codec == KT_VIDEO_VP9 ? mkvmuxer::Tracks::kVp9CodecId : mkvmuxer::Tracks::kVp8CodecId;
    return mkvmuxer::WriteVoidElement(w, kFrameDurationBytes) &&
           WriteTrackStart(w, KT__WEBM_VIDEO_NUMBER, mkvmuxer::Tracks::kVideo, codec_id) &&
           WriteEbmlMasterElement(w, libwebm::kMkvVideo, size) &&
           WriteUnsigned(w, libwebm::kMkvPixelWidth, width) &&
           WriteUnsigned(w, libwebm::kMkvPixelHeight, height) && colour.Write(w);
}

bool WriteAudioEntry(MemoryWriter *w, const KtWebmWriterConfig &c)
{
    const uint64_t delay_ns = static_cast<uint64_t>(c.audio_pre_skip) * 1000000000u / 48000u;
    const uint64_t channels = c.opus_head[9];
    const uint64_t size = EbmlElementSize(libwebm::kMkvSamplingFrequency, 48000.0f) +
                          UnsignedBytes(libwebm::kMkvChannels, channels);
    const int number = c.has_video ? KT__WEBM_VIDEO_NUMBER + 1 : KT__WEBM_VIDEO_NUMBER;
    return WriteTrackStart(w, number, mkvmuxer::Tracks::kAudio, mkvmuxer::Tracks::kOpusCodecId) &&
           WriteEbmlElement(w, libwebm::kMkvCodecPrivate, c.opus_head, sizeof c.opus_head) &&
           WriteUnsigned(w, libwebm::kMkvCodecDelay, delay_ns) &&
           WriteUnsigned(w, libwebm::kMkvSeekPreRoll, kSeekPreRollNs) &&
           WriteEbmlMasterElement(w, libwebm::kMkvAudio, size) &&
           WriteEbmlElement(w, libwebm::kMkvSamplingFrequency, 48000.0f) &&
           WriteUnsigned(w, libwebm::kMkvChannels, channels);
}

bool WriteTracks(MemoryWriter *w, const KtWebmWriterConfig &c)
{
    uint8_t scratch[2][512];
    MemoryWriter video(scratch[0], sizeof scratch[0]);
    MemoryWriter audio(scratch[1], sizeof scratch[1]);
    if ((c.has_video && !WriteVideoEntry(&video, c)) ||
        (c.has_audio && !WriteAudioEntry(&audio, c)))
        return false;
    const uint64_t video_bytes = static_cast<uint64_t>(video.Position());
    const uint64_t audio_bytes = static_cast<uint64_t>(audio.Position());
    uint64_t size = 0;
    if (c.has_video)
        size += EbmlMasterElementSize(libwebm::kMkvTrackEntry, video_bytes) + video_bytes;
    if (c.has_audio)
        size += EbmlMasterElementSize(libwebm::kMkvTrackEntry, audio_bytes) + audio_bytes;
    if (!WriteEbmlMasterElement(w, libwebm::kMkvTracks, size))
        return false;
    if (c.has_video && (!WriteEbmlMasterElement(w, libwebm::kMkvTrackEntry, video_bytes) ||
                        w->Write(scratch[0], static_cast<mkvmuxer::uint32>(video_bytes))))
        return false;
    return !c.has_audio || (WriteEbmlMasterElement(w, libwebm::kMkvTrackEntry, audio_bytes) &&
                            !w->Write(scratch[1], static_cast<mkvmuxer::uint32>(audio_bytes)));
}

// cues_offset < 0: the file has no Cues (yet).
bool WriteSeekHead(MemoryWriter *w, int64_t tracks_offset, int64_t cues_offset)
{
    const int64_t payload = kSeekHeadOffset;
    mkvmuxer::SeekHead seek;
    if (w->Position(kSeekHeadOffset) || !seek.Write(w) || w->Position() != kInfoOffset ||
        !seek.AddSeekEntry(libwebm::kMkvInfo, static_cast<uint64_t>(kInfoOffset - payload)) ||
        !seek.AddSeekEntry(libwebm::kMkvTracks, static_cast<uint64_t>(tracks_offset - payload)))
        return false;
    if (cues_offset >= 0 &&
        !seek.AddSeekEntry(libwebm::kMkvCues, static_cast<uint64_t>(cues_offset - payload)))
        return false;
    return seek.Finalize(w);
}

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

// The first byte behind the size of the element whose ID ends before offset at.
int64_t SkipSize(const uint8_t *header, int64_t at)
{
    int bytes = 1;
    for (uint8_t first = header[at]; bytes < 8 && !(first & 0x80);
         first = static_cast<uint8_t>(first << 1))
        bytes++;
    return at + bytes;
}

// Where a header states its DefaultDuration or has room for it, or -1.
int64_t FrameDurationOffset(const uint8_t *header)
{
    static const uint8_t reserved[] = {0xEC, 0x80 | (kFrameDurationBytes - 2)};
    static const uint8_t stated[] = {0x23, 0xE3, 0x83, 0x84};
    int64_t at;
    if (!ReadHeader(header, &at))
        return -1;
    at = SkipSize(header, SkipSize(header, at + 4) + 1); // Tracks, its first TrackEntry
    return !memcmp(header + at, reserved, sizeof reserved) ||
                   !memcmp(header + at, stated, sizeof stated)
               ? at
               : -1;
}

void FillCue(mkvmuxer::CuePoint *point, const KtWebmCue &cue)
{
    point->set_time(static_cast<uint64_t>((cue.time_us + 500) / 1000));
    point->set_track(KT__WEBM_VIDEO_NUMBER);
    point->set_cluster_pos(static_cast<uint64_t>(cue.cluster_offset - kSeekHeadOffset));
}

// The sizes of all cue points together, or 0 where a cue is out of its range.
uint64_t CuesPayloadBytes(const KtWebmCue *cues, size_t count)
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

bool WriteSimpleBlock(MemoryWriter *w, const KtWebmBlock &b)
{
    return !WriteID(w, libwebm::kMkvSimpleBlock) && !WriteUInt(w, 4 + b.data_bytes) &&
           !WriteUInt(w, b.track_number) && !SerializeInt(w, b.relative_ms, 2) &&
           !SerializeInt(w, b.keyframe ? 0x80 : 0, 1) &&
           !w->Write(b.data, static_cast<mkvmuxer::uint32>(b.data_bytes));
}

bool WriteBlockGroup(MemoryWriter *w, const KtWebmBlock &b)
{
    const mkvmuxer::int64 padding = b.discard_padding_ns;
    const uint64_t block = 4 + b.data_bytes;
    const uint64_t size = EbmlMasterElementSize(libwebm::kMkvBlock, block) + block +
                          EbmlElementSize(libwebm::kMkvDiscardPadding, padding);
    return WriteEbmlMasterElement(w, libwebm::kMkvBlockGroup, size) &&
           WriteEbmlMasterElement(w, libwebm::kMkvBlock, block) && !WriteUInt(w, b.track_number) &&
           !SerializeInt(w, b.relative_ms, 2) && !SerializeInt(w, 0, 1) &&
           !w->Write(b.data, static_cast<mkvmuxer::uint32>(b.data_bytes)) &&
           WriteEbmlElement(w, libwebm::kMkvDiscardPadding, padding);
}

} // namespace

KtStatus kt__webm_write_header(const KtWebmWriterConfig *config, uint8_t out[KT_WEBM_HEADER_BYTES])
{
    MemoryWriter w(out, KT_WEBM_HEADER_BYTES);
    if (!mkvmuxer::WriteEbmlHeader(&w, 4) || w.Position() != kSegmentOffset ||
        WriteID(&w, libwebm::kMkvSegment) ||
        SerializeInt(&w, static_cast<int64_t>(kUnknownSize), 8) || w.Position(kInfoOffset) ||
        !WriteInfo(&w, *config))
        return KT_ERR_ARG;
    const int64_t tracks_offset = w.Position();
    if (!WriteTracks(&w, *config))
        return KT_ERR_ARG;
    const uint64_t left = static_cast<uint64_t>(KT_WEBM_HEADER_BYTES - w.Position());
    if (!mkvmuxer::WriteVoidElement(&w, left) || !WriteSeekHead(&w, tracks_offset, -1))
        return KT_ERR_ARG;
    return KT_OK;
}

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

KtStatus kt__webm_write_frame_duration(uint8_t header[KT_WEBM_HEADER_BYTES], int fps)
{
    const int64_t at = fps < 1 ? -1 : FrameDurationOffset(header);
    if (at < 0)
        return KT_ERR_ARG;
    MemoryWriter w(header, KT_WEBM_HEADER_BYTES);
    const int64_t ns = (1000000000 + fps / 2) / fps;
    const bool good = !w.Position(at) && !WriteID(&w, libwebm::kMkvDefaultDuration) &&
                      !WriteUInt(&w, 4) && !SerializeInt(&w, ns, 4);
    return good ? KT_OK : KT_ERR_ARG;
}

void kt__webm_copy_frame_duration(uint8_t header[KT_WEBM_HEADER_BYTES],
                                  const uint8_t from[KT_WEBM_HEADER_BYTES])
{
    const int64_t at = FrameDurationOffset(header);
    if (at >= 0 && at == FrameDurationOffset(from))
        memcpy(header + at, from + at, kFrameDurationBytes);
}

int64_t kt_webm_cues_bytes(const KtWebmCue *cues, size_t count)
{
    const uint64_t payload = cues && count ? CuesPayloadBytes(cues, count) : 0;
    if (payload == 0)
        return KT_ERR_ARG;
    return static_cast<int64_t>(EbmlMasterElementSize(libwebm::kMkvCues, payload) + payload);
}

int64_t kt_webm_write_cues(const KtWebmCue *cues, size_t count, uint8_t *out, size_t out_bytes)
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

KtStatus kt__webm_write_cluster_header(uint8_t *out, int64_t timecode_ms, size_t payload_bytes)
{
    MemoryWriter w(out, KT__WEBM_CLUSTER_HEADER_BYTES);
    const uint64_t timecode_bytes = EbmlElementSize(libwebm::kMkvTimecode, uint64{0}, uint64{8});
    if (WriteID(&w, libwebm::kMkvCluster) || WriteUIntSize(&w, timecode_bytes + payload_bytes, 8) ||
        !WriteEbmlElement(&w, libwebm::kMkvTimecode, static_cast<uint64>(timecode_ms), uint64{8}) ||
        w.Position() != KT__WEBM_CLUSTER_HEADER_BYTES)
        return KT_ERR_ARG;
    return KT_OK;
}

int64_t kt__webm_write_block(uint8_t *out, size_t out_bytes, const KtWebmBlock *block)
{
    MemoryWriter w(out, out_bytes);
    const bool good =
        block->discard_padding_ns ? WriteBlockGroup(&w, *block) : WriteSimpleBlock(&w, *block);
    return good ? w.Position() : static_cast<int64_t>(KT_ERR_ARG);
}
