/* iev.h: plays IEV multi-view video from C.
 *
 *     iev_player *player;
 *     iev_frame frame;
 *     if (iev_open_file("clip.iev", NULL, &player) != IEV_OK ||
 *         iev_play(player, 1u << 2, IEV_ALL_VIEWS, 0, IEV_TO_THE_END, 0) != IEV_OK) {
 *         fprintf(stderr, "%s\n", iev_error());
 *         return 1;
 *     }
 *     while (iev_next(player, &frame) == IEV_OK) {
 *         iev_plane rgba = { pixels, stride, bytes };
 *         iev_copy(player, 2, IEV_RGBA, &rgba, 1);
 *     }
 *     iev_close(player);
 *
 * Words. A frame is one instant of all views; a picture is one view of a frame. Views are counted from 0 and
 * travel in sets: bit v of a uint32_t is view v. Frames are counted from 0 in the order they are shown.
 *
 * Errors. A function that can fail returns an iev_status, and iev_error() says why in a sentence. NULL and
 * sizes that do not fit are IEV_ERROR_USAGE, never a crash. What a function returns through a pointer is
 * unchanged when it fails. No panic of the library crosses into the program: it is IEV_ERROR_BUG, and the
 * player can only be closed or play anew.
 *
 * Threads. Every function may be called from any thread. Calls on one player wait for one another, but for
 * iev_show, iev_set_poses, iev_look, iev_get_header and iev_get_camera, which never do: one thread may take frames while
 * another turns the head. Players share nothing; any number may play at once. A player decodes ahead on threads
 * of its own from iev_play on, until iev_close. Pointers to pictures hold until the player's next
 * iev_play, iev_seek, iev_next, iev_next_within or iev_close in any thread. iev_close must be the last call on a player.
 *
 * Strangers. AV1 and H.264 of files from strangers want iev_options.sandbox: without it a fault of a decoder that
 * gets past the checks is one of the process, which nothing here can catch.
 *
 * ONNX Runtime paints implicit views. It is loaded once in a process, when the first implicit view plays. Call
 * iev_refuse_telemetry first of all if it shall not report to its maker.
 *
 * Version. While the major version is 0, another minor one may change this file; the library's file is
 * libiev.so.0.MINOR, so that a program meets the one it was compiled for.
 */
#ifndef IEV_H
#define IEV_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define IEV_VERSION_MAJOR 0
#define IEV_VERSION_MINOR 1
#define IEV_VERSION_PATCH 0

/* What became of a call. */
typedef int32_t iev_status;
enum {
    IEV_OK = 0,
    IEV_END = 1,            /* iev_next: the last frame was the one before */
    IEV_LATER = 2,          /* iev_next_within: the next frame is not there yet */
    IEV_ERROR_STREAM = -1,  /* the stream is broken or no stream, or newer than this library */
    IEV_ERROR_USAGE = -2,   /* the call makes no sense, or the stream asks for more than the board allows */
    IEV_ERROR_BACKEND = -3, /* ONNX Runtime, the sandbox or a thread does not start */
    IEV_ERROR_SOURCE = -4,  /* a file or a source of the caller's cannot be read */
    IEV_ERROR_BUG = -5      /* the library broke a rule of its own: please report the sentence */
};

#define IEV_ALL_VIEWS UINT32_MAX
#define IEV_TO_THE_END UINT32_MAX

/* An opened stream. */
typedef struct iev_player iev_player;

/* Numbers that implicit views are painted in. */
typedef int32_t iev_precision;
enum {
    IEV_PRECISION_DEFAULT = 0, /* the board's, else F32 */
    IEV_PRECISION_F32 = 1,
    IEV_PRECISION_F16 = 2,     /* where TensorRT runs the whole network as one graph */
    IEV_PRECISION_INT8 = 3     /* on CPUs that add products of bytes exactly; elsewhere F32 */
};

/* How to play. Zeros, as NULL in place of it, are the defaults; strings are copied. */
typedef struct iev_options {
    const char *board;        /* a profile's name, as x86_edge, or its file; the process is not pinned to its CPUs */
    const char *onnx_runtime; /* the library; else ORT_DYLIB_PATH, or the system's */
    const char *sandbox;      /* path of the iev program, which decodes explicit views in a child process without
                                 rights; Linux */
    uint32_t threads;         /* that paint, and most that decode; 0 for the board's, else one per core */
    iev_precision precision;
} iev_options;

/* Bytes in a place of the caller's: behind HTTP ranges, in a bundle, encrypted. */
typedef struct iev_source {
    void *user;     /* handed to both functions */
    uint64_t bytes; /* there are in all */
    /* Fills the start of buffer with the bytes from offset on, and returns how many came: at least one, 0 only at
     * the end, -errno on failure. Called from several threads at once. It may wait for bytes that are still to come:
     * opening asks for the table and the first bytes of the first group of pictures' sections, playing for each section
     * in its turn. */
    int64_t (*read_at)(void *user, uint64_t offset, void *buffer, size_t size);
    /* Called once when nothing reads any more, even where opening fails; may be NULL. */
    void (*close)(void *user);
} iev_source;

/* What a player must know of a stream. */
typedef struct iev_header {
    uint32_t width_px, height_px;
    uint32_t rate_frames, rate_seconds;     /* so many frames in so many seconds */
    uint32_t frames;
    uint32_t views;
    uint32_t implicit_views;                /* the set that is painted by the network */
    uint32_t aspect_width, aspect_height;   /* of a pixel; 0 and 0 where unknown */
    int32_t chroma_location;                /* ChromaLocType of ITU-T H.273; -1 where unknown */
    uint8_t primaries, transfer, matrix;    /* code points of ITU-T H.273; 2 where unknown */
    uint8_t full_range;                     /* 1 for samples of 0 to 255, 0 for 16 to 235 */
    uint32_t cameras;                       /* 1 where iev_get_camera knows the views' cameras */
} iev_header;

/* Where a view's camera is. Axes are x right, y down, z forward, of world and camera alike. */
typedef struct iev_camera {
    double position[3];      /* in world units, usually metres */
    double rotation_wxyz[4]; /* unit quaternion from camera axes to world axes */
    double focal_px[2];      /* horizontal and vertical */
    double centre_px[2];     /* principal point, from the top left corner */
} iev_camera;

/* Size of a picture. */
typedef struct iev_extent {
    uint32_t width_px, height_px;
} iev_extent;

/* The frame in hand. */
typedef struct iev_frame {
    uint32_t number; /* in the stream */
    uint32_t views;  /* the set of its pictures */
} iev_frame;

/* A picture as the player holds it: 8-bit planes of luma, blue and red difference; chroma has half the columns and
 * rows, rounded up. */
typedef struct iev_picture {
    const uint8_t *planes[3];
    size_t strides[3]; /* bytes from one row to the next */
} iev_picture;

/* How samples lie in the caller's memory. */
typedef int32_t iev_format;
enum {
    IEV_I420 = 0, /* three planes: luma, blue and red difference */
    IEV_NV12 = 1, /* two planes: luma, and pairs of blue and red difference */
    IEV_RGBA = 2  /* one plane of four bytes a pixel, by the stream's matrix and range; the last is 255 */
};

/* Memory of the caller's for one plane. */
typedef struct iev_plane {
    void *samples;
    size_t stride; /* bytes from one row to the next */
    size_t bytes;  /* there are at samples */
} iev_plane;

/* Version of the library: major << 16 | minor << 8 | patch. */
uint32_t iev_version(void);

/* Why the last call in this thread that failed did; "" before any did. Holds until the next one fails. */
const char *iev_error(void);

/* Sets ORT_DISABLE_TELEMETRY, without which published libraries of ONNX Runtime for Linux write an identifier into
 * the home folder and report to their maker. As setenv: while the program has one thread. */
void iev_refuse_telemetry(void);

/* Opens a stream. options may be NULL. Closed by iev_close. */
iev_status iev_open_file(const char *path, const iev_options *options, iev_player **player);

/* The same of bytes in memory, which are copied. */
iev_status iev_open_memory(const void *bytes, size_t size, const iev_options *options, iev_player **player);

/* The same of bytes in a place of the caller's. The struct is copied. */
iev_status iev_open_source(const iev_source *source, const iev_options *options, iev_player **player);

/* Ends the player's threads and frees it; NULL is fine. */
void iev_close(iev_player *player);

iev_status iev_get_header(const iev_player *player, iev_header *header);

/* IEV_ERROR_USAGE where the stream has no cameras. */
iev_status iev_get_camera(const iev_player *player, uint32_t view, iev_camera *camera);

/* Plays the frames from first up to end, which is left out, showing a set of views; what plays already ends, even
 * where this fails. What only views outside reachable need is not read; IEV_ALL_VIEWS lets any view be shown later.
 * With repeat not 0 the first frame follows the last, for ever. */
iev_status iev_play(iev_player *player, uint32_t shown, uint32_t reachable, uint32_t first, uint32_t end, int32_t repeat);

/* Goes on with frame `first` of what plays, and the views now shown. */
iev_status iev_seek(iev_player *player, uint32_t first);

/* Shows other views of the reachable ones: one or two frames later, for those are decoded already. */
iev_status iev_show(iev_player *player, uint32_t shown);

/* Shows the views whose cameras are nearest to count points of three numbers each, as those of two eyes; views
 * takes the view of each and may be NULL. IEV_ERROR_USAGE where the stream has no cameras. */
iev_status iev_set_poses(iev_player *player, const double *positions, size_t count, uint32_t *views);

/* Shows the views that pictures of count cameras anywhere are best rendered from, as those of two eyes: up to four of
 * each. Cameras where the head will be in a few frames may be among them: their views are there when it comes.
 * IEV_ERROR_USAGE where the stream has no cameras. */
iev_status iev_look(iev_player *player, const iev_camera *cameras, size_t count);

/* Takes the next frame in hand, in place of the one before; waits until it is decoded. frame may be NULL. IEV_END
 * behind the last one, which stays in hand. An error comes in its turn behind the good frames, and ends the playing: no
 * frame is in hand then. */
iev_status iev_next(iev_player *player, iev_frame *frame);

/* The same, but waits so many seconds at most, 0 for not at all. IEV_LATER where the next frame is not there by then: the
 * one in hand stays, to be rendered from a newer pose at the next refresh of a display. */
iev_status iev_next_within(iev_player *player, double seconds, iev_frame *frame);

/* Where the player holds the picture of a view of the frame in hand. */
iev_status iev_get_picture(iev_player *player, uint32_t view, iev_picture *picture);

/* Copies the picture of a view of the frame in hand to planes of the caller's, as many as the format has. */
iev_status iev_copy(iev_player *player, uint32_t view, iev_format format, const iev_plane *planes, size_t count);

/* Renders what a camera anywhere sees of the frame in hand to planes of the caller's, as many as the format has; lens and
 * size are of the picture that is rendered. The first call after iev_play or iev_seek finds the frame's depth, which takes
 * longer. From then on a thread of the player's finds that of each frame while the one before is in hand, so that another
 * eye, a newer pose and iev_next wait for none where frames last longer than that takes; iev_show and its like come two
 * frames later than before. seen gets the share of pixels that some view sees, from 0 to 1 (the others are guessed), and
 * may be NULL. IEV_ERROR_USAGE where the stream has no cameras. */
iev_status iev_render(iev_player *player, const iev_camera *camera, const iev_extent *size, iev_format format,
                      const iev_plane *planes, size_t count, double *seen);

/* The same of two cameras, those of two eyes, at once, which is faster than one after the other: planes are those of the
 * first and then those of the second, count as many as two pictures have, and seen gets two shares. */
iev_status iev_render_pair(iev_player *player, const iev_camera *cameras, const iev_extent *size, iev_format format,
                           const iev_plane *planes, size_t count, double *seen);

#ifdef __cplusplus
}
#endif

#endif
