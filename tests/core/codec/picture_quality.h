/* How near a decoded picture is to the one that was encoded. */
#ifndef KEEPTAKE_TESTS_PICTURE_QUALITY_H
#define KEEPTAKE_TESTS_PICTURE_QUALITY_H

#include <stddef.h>
#include <stdint.h>

#include "keeptake/video_encoder.h"
#include "picture_scene.h"

/* Decibels of the luma of an area; 100 where it is the same. Strides in bytes. */
double picture_psnr(const uint8_t *a, int a_stride, const uint8_t *b, int b_stride,
                    PictureArea area);
/* Mean structural similarity of the luma of an area, 8 x 8 windows four pixels apart; 1: the same.
 */
double picture_ssim(const uint8_t *a, int a_stride, const uint8_t *b, int b_stride,
                    PictureArea area);

typedef struct PictureDecoder PictureDecoder;

PictureDecoder *picture_decoder_create(KtVideoCodec codec); /* NULL: no memory */
void picture_decoder_destroy(PictureDecoder **decoder);
/* Decodes one packet. Returns the luma plane, valid until the next call, with its stride in
 * *stride; NULL: the packet cannot be decoded or its size is not width x height. */
const uint8_t *picture_decoder_decode(PictureDecoder *d, const uint8_t *data, size_t bytes,
                                      int width, int height, int *stride);

#endif
