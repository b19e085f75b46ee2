// What the two files that know libwebm share: a sink in the caller's memory, where the header's
// fields lie (docs/take-file.md), and the SeekHead, which is written first and once more at the
// end.
#ifndef KEEPTAKE_WEBM_ELEMENTS_H
#define KEEPTAKE_WEBM_ELEMENTS_H

#include <cstdint>
#include <cstring>

#include "common/webmids.h"
#include "mkvmuxer/mkvmuxer.h"
#include "mkvmuxer/mkvmuxerutil.h"

namespace kt_webm
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
const int64_t kFrameDurationBytes = 8;
// Width and height have room for any size: they may change at a keyframe.
const int64_t kSideBytes = 2;
const int kMaxSide = 16383;
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

inline bool WriteDouble(MemoryWriter *w, uint64_t id, double value)
{
    uint64_t bits;
    static_assert(sizeof bits == sizeof value, "EBML floats are 8 bytes here");
    memcpy(&bits, &value, sizeof bits);
    return !WriteID(w, id) && !WriteUInt(w, 8) && !SerializeInt(w, static_cast<int64_t>(bits), 8);
}

inline bool WriteUnsigned(MemoryWriter *w, uint64_t id, uint64_t value)
{
    return WriteEbmlElement(w, id, static_cast<uint64>(value));
}

inline uint64_t UnsignedBytes(uint64_t id, uint64_t value)
{
    return EbmlElementSize(id, static_cast<uint64>(value));
}

// cues_offset < 0: the file has no Cues (yet).
inline bool WriteSeekHead(MemoryWriter *w, int64_t tracks_offset, int64_t cues_offset)
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

} // namespace kt_webm

#endif
