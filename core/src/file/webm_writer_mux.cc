// The one file that knows libwebm: each element of a take file, serialised into the caller's
// memory.
//
// libwebm's Segment owns the whole file and allocates for every frame; here its element writers are
// used one by one on buffers of known size, so that nothing is allocated, nothing is thrown, and
// bytes that are patched later are known to lie in the header or in the open cluster.
#include "webm_writer_mux.h"

#include <cstdio>

#include "webm_elements.h"

using namespace kt_webm;

namespace
{

bool WriteInfo(MemoryWriter *w, const KtFileConfig &c)
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
bool WriteTrackStart(MemoryWriter *w, int number, int type, const KtFileTrack &t)
{
    const uint64_t uid = t.uid ? t.uid : static_cast<uint64_t>(number);
    return WriteUnsigned(w, libwebm::kMkvTrackNumber, static_cast<uint64_t>(number)) &&
           WriteUnsigned(w, libwebm::kMkvTrackUID, uid) &&
           WriteUnsigned(w, libwebm::kMkvTrackType, static_cast<uint64_t>(type)) &&
           WriteUnsigned(w, libwebm::kMkvFlagLacing, 0) &&
           (!t.name || WriteEbmlElement(w, libwebm::kMkvName, t.name)) &&
           WriteEbmlElement(w, libwebm::kMkvLanguage, "und") &&
           WriteEbmlElement(w, libwebm::kMkvCodecID, t.codec_id) &&
           (!t.codec_private ||
            WriteEbmlElement(w, libwebm::kMkvCodecPrivate, t.codec_private, t.codec_private_bytes));
}

bool WriteSide(MemoryWriter *w, uint64_t id, int side)
{
    return !WriteID(w, id) && !WriteUInt(w, kSideBytes) && !SerializeInt(w, side, kSideBytes);
}

bool WriteVideoEntry(MemoryWriter *w, const KtFileConfig &c)
{
    mkvmuxer::Colour colour;
    FillColour(&colour, c.matrix);
    const uint64_t size = 2 * (2 + kSideBytes) + (c.has_color ? colour.ColourSize() : 0);
    return mkvmuxer::WriteVoidElement(w, kFrameDurationBytes) &&
           WriteTrackStart(w, KT__WEBM_VIDEO_NUMBER, mkvmuxer::Tracks::kVideo, c.video) &&
           WriteEbmlMasterElement(w, libwebm::kMkvVideo, size) &&
           WriteSide(w, libwebm::kMkvPixelWidth, c.width) &&
           WriteSide(w, libwebm::kMkvPixelHeight, c.height) && (!c.has_color || colour.Write(w));
}

bool WriteAudioEntry(MemoryWriter *w, const KtFileConfig &c)
{
    const uint64_t delay_ns = static_cast<uint64_t>(c.audio_pre_skip) * 1000000000u / 48000u;
    const uint64_t channels = static_cast<uint64_t>(c.channels);
    const float rate_hz = static_cast<float>(c.sample_rate_hz);
    const uint64_t size = EbmlElementSize(libwebm::kMkvSamplingFrequency, rate_hz) +
                          UnsignedBytes(libwebm::kMkvChannels, channels);
    const int number = c.has_video ? KT__WEBM_VIDEO_NUMBER + 1 : KT__WEBM_VIDEO_NUMBER;
    const bool is_opus = !strcmp(c.audio.codec_id, KT_CODEC_ID_OPUS);
    return WriteTrackStart(w, number, mkvmuxer::Tracks::kAudio, c.audio) &&
           (!is_opus || (WriteUnsigned(w, libwebm::kMkvCodecDelay, delay_ns) &&
                         WriteUnsigned(w, libwebm::kMkvSeekPreRoll, kSeekPreRollNs))) &&
           WriteEbmlMasterElement(w, libwebm::kMkvAudio, size) &&
           WriteEbmlElement(w, libwebm::kMkvSamplingFrequency, rate_hz) &&
           WriteUnsigned(w, libwebm::kMkvChannels, channels);
}

bool WriteTracks(MemoryWriter *w, const KtFileConfig &c)
{
    uint8_t scratch[2][KT_FILE_MAX_PRIVATE_BYTES + 512];
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

// Whether a WebM file may have that codec; any other makes it a Matroska file.
bool IsWebmCodec(const char *id)
{
    static const char *const codecs[] = {KT_CODEC_ID_VP8, KT_CODEC_ID_VP9, KT_CODEC_ID_AV1,
                                         KT_CODEC_ID_OPUS, "A_VORBIS"};
    for (const char *codec : codecs)
        if (!strcmp(id, codec))
            return true;
    return false;
}

// The same length for both names, so that all that follows keeps its place: the longer one leaves
// out EBMLMaxSizeLength, whose default is what the shorter one states.
bool WriteFileStart(MemoryWriter *w, const KtFileConfig &c)
{
    if ((!c.has_video || IsWebmCodec(c.video.codec_id)) &&
        (!c.has_audio || IsWebmCodec(c.audio.codec_id)))
        return mkvmuxer::WriteEbmlHeader(w, 4);
    return WriteEbmlMasterElement(w, libwebm::kMkvEBML, kSegmentOffset - 5) &&
           WriteUnsigned(w, libwebm::kMkvEBMLVersion, 1) &&
           WriteUnsigned(w, libwebm::kMkvEBMLReadVersion, 1) &&
           WriteUnsigned(w, libwebm::kMkvEBMLMaxIDLength, 4) &&
           WriteEbmlElement(w, libwebm::kMkvDocType, "matroska") &&
           WriteUnsigned(w, libwebm::kMkvDocTypeVersion, 4) &&
           WriteUnsigned(w, libwebm::kMkvDocTypeReadVersion, 2);
}

} // namespace

KtStatus kt__webm_write_header(const KtFileConfig *config, uint8_t out[KT_WEBM_HEADER_BYTES])
{
    MemoryWriter w(out, KT_WEBM_HEADER_BYTES);
    if (!WriteFileStart(&w, *config) || w.Position() != kSegmentOffset ||
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
