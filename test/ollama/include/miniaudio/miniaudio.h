// The part of miniaudio's interface that Ollama's llama.cpp compiles against, where
// no decoder takes any sound: Ollama's module comes without the library, and the
// model here hears nothing.
#pragma once
#include <cstddef>

typedef int ma_result;
typedef unsigned long long ma_uint64;
typedef int ma_format;
struct ma_decoder_config {};
struct ma_decoder {};

static const ma_result MA_SUCCESS = 0;
static const ma_format ma_format_f32 = 5;

static inline ma_decoder_config ma_decoder_config_init(ma_format, int, int) { return {}; }
static inline ma_result ma_decoder_init_memory(const void *, size_t, const ma_decoder_config *, ma_decoder *) { return -1; }
static inline ma_result ma_decoder_get_length_in_pcm_frames(ma_decoder *, ma_uint64 *) { return -1; }
static inline ma_result ma_decoder_read_pcm_frames(ma_decoder *, void *, ma_uint64, ma_uint64 *) { return -1; }
static inline ma_result ma_decoder_uninit(ma_decoder *) { return MA_SUCCESS; }
