#include "media/test_picture.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace peerage::media {

namespace {

// SMPTE's eight bars at 75 %, in studio range BT.601.
constexpr std::array<Colour, 8> kBars = {{{180, 128, 128},
                                          {162, 44, 142},
                                          {131, 156, 44},
                                          {112, 72, 58},
                                          {84, 184, 198},
                                          {65, 100, 212},
                                          {35, 212, 114},
                                          {16, 128, 128}}};

constexpr int kColumns = 16;
constexpr int kRows = 3;
constexpr int kCellsAcross = 40;  // of the picture's width
constexpr int kCellsDown = 30;    // of its height
constexpr int kLeastWidth = 80;   // two pixels a cell
constexpr int kLeastHeight = 60;
constexpr uint64_t kMarks = 0x35;  // 8 fixed bits: both colours are present, and a plain area is no stamp
constexpr int kLeastContrast = 48;

/// CRC-8 (polynomial 0x07) of the four bytes.
uint8_t checkBits(uint32_t value) {
  uint8_t crc = 0xff;
  for (int shift = 24; shift >= 0; shift -= 8) {
    crc = static_cast<uint8_t>(crc ^ (value >> shift & 0xff));
    for (int bit = 0; bit < 8; ++bit) crc = static_cast<uint8_t>(crc & 0x80 ? crc << 1 ^ 0x07 : crc << 1);
  }
  return crc;
}

struct Cell {
  int left, top, right, bottom;
};

Cell cellAt(const I420Buffer& picture, int index) {
  const int column = index % kColumns + 1;                     // a cell of margin at the left
  const int row = kCellsDown - 1 - kRows + index / kColumns;   // and one below
  return {picture.width() * column / kCellsAcross, picture.height() * row / kCellsDown,
          picture.width() * (column + 1) / kCellsAcross, picture.height() * (row + 1) / kCellsDown};
}

bool roomForStamp(const I420Buffer& picture) {
  return picture.width() >= kLeastWidth && picture.height() >= kLeastHeight;
}

/// Mean luma of the inner half of a cell: a codec smears the rim.
int cellLuma(const I420Buffer& picture, const Cell& cell) {
  const int dx = (cell.right - cell.left) / 4, dy = (cell.bottom - cell.top) / 4;
  int sum = 0, count = 0;
  for (int y = cell.top + dy; y < cell.bottom - dy; ++y) {
    for (int x = cell.left + dx; x < cell.right - dx; ++x, ++count) {
      sum += picture.y()[std::ptrdiff_t{y} * picture.strideY() + x];
    }
  }
  return count > 0 ? sum / count : 0;
}

/// A triangle wave over `span` values, one step each `period` of time.
int bounce(Duration time, Duration period, int span) {
  if (span <= 1) return 0;
  const int64_t step = time / period % (2 * (span - 1));
  return static_cast<int>(step < span ? step : 2 * (span - 1) - step);
}

}  // namespace

bool writeFrameStamp(I420Buffer& picture, uint32_t value) {
  if (!roomForStamp(picture)) return false;
  const uint64_t bits = kMarks << 40 | uint64_t{value} << 8 | checkBits(value);
  const Cell first = cellAt(picture, 0), last = cellAt(picture, kColumns * kRows - 1);
  fillRect(picture, 0, first.top - (first.bottom - first.top), last.right + first.left,
           picture.height() - first.top + (first.bottom - first.top), Colour{126, 128, 128});
  for (int i = 0; i < kColumns * kRows; ++i) {
    const Cell cell = cellAt(picture, i);
    const bool white = bits >> (kColumns * kRows - 1 - i) & 1;
    fillRect(picture, cell.left, cell.top, cell.right - cell.left, cell.bottom - cell.top, white ? kWhite : kBlack);
  }
  return true;
}

std::optional<uint32_t> readFrameStamp(const I420Buffer& picture) {
  if (!roomForStamp(picture)) return std::nullopt;
  std::array<int, kColumns * kRows> luma;
  for (int i = 0; i < kColumns * kRows; ++i) luma[static_cast<size_t>(i)] = cellLuma(picture, cellAt(picture, i));
  const auto [darkest, brightest] = std::ranges::minmax(luma);
  if (brightest - darkest < kLeastContrast) return std::nullopt;
  uint64_t bits = 0;
  for (const int value : luma) bits = bits << 1 | (value > (darkest + brightest) / 2 ? 1u : 0u);
  const auto value = static_cast<uint32_t>(bits >> 8);
  if (bits >> 40 != kMarks || static_cast<uint8_t>(bits) != checkBits(value)) return std::nullopt;
  return value;
}

void drawTestPicture(I420Buffer& picture, uint32_t frameNumber, Duration time) {
  const int width = picture.width(), height = picture.height();
  for (int bar = 0; bar < 8; ++bar) {
    const int left = width * bar / 8, right = width * (bar + 1) / 8;
    fillRect(picture, left, 0, right - left, height, kBars[static_cast<size_t>(bar)]);
  }
  if (time < Duration{0}) time = Duration{0};
  const int radius = std::max(1, std::min(width, height) / 12);
  const int centreX = radius + bounce(time, 4ms, std::max(1, width - 2 * radius));
  const int centreY = radius + bounce(time, 9ms, std::max(1, height / 2 - 2 * radius));
  for (int dy = -radius; dy <= radius; ++dy) {
    const int half = static_cast<int>(std::sqrt(static_cast<double>(radius * radius - dy * dy)));
    fillRect(picture, centreX - half, centreY + dy, 2 * half + 1, 1, Colour{200, 90, 180});
  }
  const int64_t ms = time / 1ms;
  char text[64];
  std::snprintf(text, sizeof text, "%02d:%02d.%03d  #%u", static_cast<int>(ms / 60'000 % 100),
                static_cast<int>(ms / 1000 % 60), static_cast<int>(ms % 1000), frameNumber);
  const int scale = std::max(1, width / 240);
  drawText(picture, width / 24, height / 2 + height / 20, text, scale);
  writeFrameStamp(picture, frameNumber);
}

double lumaPsnr(const I420Buffer& a, const I420Buffer& b) {
  if (a.width() != b.width() || a.height() != b.height()) return 0;
  const size_t count = static_cast<size_t>(a.width()) * static_cast<size_t>(a.height());
  double sum = 0;
  for (size_t i = 0; i < count; ++i) {
    const double difference = double{static_cast<double>(a.y()[i])} - b.y()[i];
    sum += difference * difference;
  }
  if (sum == 0) return 99;
  return std::min(99.0, 10 * std::log10(255.0 * 255.0 * static_cast<double>(count) / sum));
}

}  // namespace peerage::media
