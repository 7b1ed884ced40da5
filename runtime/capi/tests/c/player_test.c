/* Plays a stream through iev.h as its one argument says; a CHECK that fails ends it with its line. What it prints is
 * compared with what the player in Rust gives. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "iev.h"

#define CHECK(condition)                                                                         \
    do {                                                                                         \
        if (!(condition)) {                                                                      \
            fprintf(stderr, "%s:%d: %s; iev_error: %s\n", __FILE__, __LINE__, #condition, iev_error()); \
            exit(1);                                                                             \
        }                                                                                        \
    } while (0)

/* The call fails with `status`, and says `words` among others. */
#define FAILS(call, status, words)                    \
    do {                                              \
        CHECK((call) == (status));                    \
        CHECK(strstr(iev_error(), (words)) != NULL);  \
    } while (0)

static const iev_options ONE_THREAD = {.threads = 1};

/* FNV-1a. */
static uint64_t add(uint64_t sum, const void *bytes, size_t size) {
    for (size_t at = 0; at < size; at++) sum = (sum ^ ((const uint8_t *)bytes)[at]) * 0x100000001b3u;
    return sum;
}
#define EMPTY 0xcbf29ce484222325u

static uint64_t add_rows(uint64_t sum, const void *bytes, size_t stride, size_t row_bytes, size_t rows) {
    for (size_t row = 0; row < rows; row++) sum = add(sum, (const uint8_t *)bytes + row * stride, row_bytes);
    return sum;
}

/* Sum of a copy in one format, with a gap behind every row, in memory of exactly its size. */
static uint64_t copied(iev_player *player, uint32_t view, iev_format format, const iev_header *header) {
    size_t width = header->width_px, height = header->height_px;
    size_t columns = (width + 1) / 2, rows = (height + 1) / 2;
    size_t row_bytes[3][3] = {{width, columns, columns}, {width, 2 * columns}, {4 * width}};
    size_t plane_rows[3] = {height, rows, rows};
    size_t count = format == IEV_I420 ? 3 : format == IEV_NV12 ? 2 : 1;
    iev_plane planes[3];
    for (size_t at = 0; at < count; at++) {
        planes[at].stride = row_bytes[format][at] + 5;
        planes[at].bytes = planes[at].stride * (plane_rows[at] - 1) + row_bytes[format][at];
        planes[at].samples = malloc(planes[at].bytes);
    }
    CHECK(iev_copy(player, view, format, planes, count) == IEV_OK);
    uint64_t sum = EMPTY;
    for (size_t at = 0; at < count; at++) {
        sum = add_rows(sum, planes[at].samples, planes[at].stride, row_bytes[format][at], plane_rows[at]);
        free(planes[at].samples);
    }
    return sum;
}

static uint64_t held(iev_player *player, uint32_t view, const iev_header *header) {
    iev_picture picture;
    CHECK(iev_get_picture(player, view, &picture) == IEV_OK);
    size_t columns = (header->width_px + 1) / 2, rows = (header->height_px + 1) / 2;
    uint64_t sum = add_rows(EMPTY, picture.planes[0], picture.strides[0], header->width_px, header->height_px);
    sum = add_rows(sum, picture.planes[1], picture.strides[1], columns, rows);
    return add_rows(sum, picture.planes[2], picture.strides[2], columns, rows);
}

/* Plays to the end; prints number, view and sums of every picture. */
static void frames(const char *path, uint32_t views) {
    iev_player *player;
    iev_header header;
    iev_frame frame;
    CHECK(iev_open_file(path, &ONE_THREAD, &player) == IEV_OK);
    CHECK(iev_get_header(player, &header) == IEV_OK);
    CHECK(iev_play(player, views, views, 0, IEV_TO_THE_END, 0) == IEV_OK);
    iev_status status;
    while ((status = iev_next(player, &frame)) == IEV_OK) {
        CHECK(frame.views == views);
        for (uint32_t view = 0; view < header.views; view++) {
            if (!(views >> view & 1)) continue;
            uint64_t i420 = copied(player, view, IEV_I420, &header);
            CHECK(held(player, view, &header) == i420);
            printf("%u %u %016llx %016llx %016llx\n", frame.number, view, (unsigned long long)i420,
                   (unsigned long long)copied(player, view, IEV_NV12, &header),
                   (unsigned long long)copied(player, view, IEV_RGBA, &header));
        }
    }
    CHECK(status == IEV_END);
    CHECK(iev_next(player, &frame) == IEV_END);
    iev_close(player);
}

static void header(const char *path) {
    iev_player *player;
    iev_header header;
    CHECK(iev_version() == (IEV_VERSION_MAJOR << 16 | IEV_VERSION_MINOR << 8 | IEV_VERSION_PATCH));
    CHECK(iev_open_file(path, NULL, &player) == IEV_OK);
    CHECK(iev_get_header(player, &header) == IEV_OK);
    printf("%ux%u %u/%u %u %u %x %u:%u %d %u,%u,%u,%u %u\n", header.width_px, header.height_px, header.rate_frames,
           header.rate_seconds, header.frames, header.views, header.implicit_views, header.aspect_width,
           header.aspect_height, header.chroma_location, header.primaries, header.transfer, header.matrix,
           header.full_range, header.cameras);
    iev_close(player);
}

/* Every wrong argument is an error with a sentence. View 2 is explicit. */
static void errors(const char *path) {
    iev_player *player = NULL, *untouched = NULL;
    iev_frame frame = {7, 7};
    iev_picture picture;
    iev_camera camera;
    iev_header header;
    double head[3] = {0};
    CHECK(strcmp(iev_error(), "") == 0);
    FAILS(iev_open_file(NULL, NULL, &untouched), IEV_ERROR_USAGE, "path is NULL");
    FAILS(iev_open_file(path, NULL, NULL), IEV_ERROR_USAGE, "player is NULL");
    FAILS(iev_open_file("no/such.iev", NULL, &untouched), IEV_ERROR_SOURCE, "no/such.iev");
    FAILS(iev_open_memory(NULL, 9, NULL, &untouched), IEV_ERROR_USAGE, "bytes is NULL");
    FAILS(iev_open_memory("x", SIZE_MAX, NULL, &untouched), IEV_ERROR_USAGE, "room");
    FAILS(iev_open_memory("", 0, NULL, &untouched), IEV_ERROR_STREAM, "is empty");
    FAILS(iev_open_memory("text", 4, NULL, &untouched), IEV_ERROR_STREAM, "is no IEV stream");
    FAILS(iev_open_source(NULL, NULL, &untouched), IEV_ERROR_USAGE, "source is NULL");
    iev_options options = {.board = "toaster"};
    FAILS(iev_open_file(path, &options, &untouched), IEV_ERROR_USAGE, "toaster");
    options = (iev_options){.precision = 9};
    FAILS(iev_open_file(path, &options, &untouched), IEV_ERROR_USAGE, "no precision is 9");
    CHECK(untouched == NULL);

    options = (iev_options){.board = "x86_edge", .threads = 2, .precision = IEV_PRECISION_INT8};
    CHECK(iev_open_file(path, &options, &player) == IEV_OK);
    FAILS(iev_get_header(NULL, &header), IEV_ERROR_USAGE, "player is NULL");
    FAILS(iev_get_header(player, NULL), IEV_ERROR_USAGE, "header is NULL");
    FAILS(iev_get_camera(player, 0, &camera), IEV_ERROR_USAGE, "no cameras");
    FAILS(iev_set_poses(player, head, 1, NULL), IEV_ERROR_USAGE, "no cameras");
    iev_camera eye = {{0, 0, 0}, {1, 0, 0, 0}, {40, 40}, {16, 16}};
    FAILS(iev_look(player, &eye, 1), IEV_ERROR_USAGE, "no cameras");
    FAILS(iev_next(player, &frame), IEV_ERROR_USAGE, "call iev_play");
    FAILS(iev_seek(player, 0), IEV_ERROR_USAGE, "call iev_play");
    FAILS(iev_show(player, 1), IEV_ERROR_USAGE, "call iev_play");
    FAILS(iev_get_picture(player, 2, &picture), IEV_ERROR_USAGE, "call iev_next");
    FAILS(iev_play(NULL, 4, 4, 0, 1, 0), IEV_ERROR_USAGE, "player is NULL");
    FAILS(iev_play(player, 0, 4, 0, 1, 0), IEV_ERROR_USAGE, "empty selection");
    FAILS(iev_play(player, 1u << 5, IEV_ALL_VIEWS, 0, 1, 0), IEV_ERROR_USAGE, "no such view: 5");
    FAILS(iev_play(player, 1, 4, 0, 1, 0), IEV_ERROR_USAGE, "reachable");
    FAILS(iev_play(player, 4, 4, 3, 3, 0), IEV_ERROR_USAGE, "no frame");
    FAILS(iev_play(player, 4, 4, 47, 49, 0), IEV_ERROR_USAGE, "no such frame: 48");
    CHECK(iev_play(player, 4, 4, 40, IEV_TO_THE_END, 0) == IEV_OK);
    FAILS(iev_seek(player, 39), IEV_ERROR_USAGE, "frame 39");
    FAILS(iev_show(player, 2), IEV_ERROR_USAGE, "reachable");
    FAILS(iev_show(player, 0), IEV_ERROR_USAGE, "empty");
    FAILS(iev_next(NULL, &frame), IEV_ERROR_USAGE, "player is NULL");
    CHECK(frame.number == 7 && frame.views == 7);
    CHECK(iev_next(player, NULL) == IEV_OK);
    CHECK(iev_next(player, &frame) == IEV_OK && frame.number == 41 && frame.views == 4);
    FAILS(iev_get_picture(player, 1, &picture), IEV_ERROR_USAGE, "view 1 is not shown in frame 41");
    FAILS(iev_get_picture(player, 2, NULL), IEV_ERROR_USAGE, "picture is NULL");

    static uint8_t memory[480 * 272 * 4];
    iev_plane plane = {memory, 480 * 4, sizeof memory}, pair[2] = {{memory, 480, 480 * 272}, {memory, 480, 0}};
    CHECK(iev_copy(player, 2, IEV_RGBA, &plane, 1) == IEV_OK);
    FAILS(iev_copy(player, 2, 9, &plane, 1), IEV_ERROR_USAGE, "no format is 9");
    FAILS(iev_copy(player, 2, IEV_RGBA, NULL, 1), IEV_ERROR_USAGE, "planes is NULL");
    FAILS(iev_copy(player, 2, IEV_NV12, &plane, 1), IEV_ERROR_USAGE, "the format has 2");
    FAILS(iev_copy(player, 2, IEV_NV12, pair, 2), IEV_ERROR_USAGE, "0 bytes of plane 1");
    plane.bytes--;
    FAILS(iev_copy(player, 2, IEV_RGBA, &plane, 1), IEV_ERROR_USAGE, "too few");
    plane = (iev_plane){memory, SIZE_MAX / 2, SIZE_MAX};
    FAILS(iev_copy(player, 2, IEV_RGBA, &plane, 1), IEV_ERROR_USAGE, "too few");
    plane = (iev_plane){memory, 480 * 4 - 1, sizeof memory};
    FAILS(iev_copy(player, 2, IEV_RGBA, &plane, 1), IEV_ERROR_USAGE, "stride");
    plane = (iev_plane){NULL, 480 * 4, sizeof memory};
    FAILS(iev_copy(player, 2, IEV_RGBA, &plane, 1), IEV_ERROR_USAGE, "NULL");
    iev_close(player);
    iev_close(NULL);
}

/* Frames in the order of seeks and repeats. */
static void seeks(const char *path) {
    iev_player *player;
    iev_frame frame;
    CHECK(iev_open_file(path, NULL, &player) == IEV_OK);
    CHECK(iev_play(player, 4, IEV_ALL_VIEWS, 20, 24, 1) == IEV_OK);
    CHECK(iev_next(player, &frame) == IEV_OK && frame.number == 20);
    CHECK(iev_seek(player, 23) == IEV_OK);
    static const uint32_t expected[] = {23, 20, 21, 22, 23, 20};
    for (size_t at = 0; at < 6; at++) CHECK(iev_next(player, &frame) == IEV_OK && frame.number == expected[at]);
    CHECK(iev_play(player, 4, 4, 46, 48, 0) == IEV_OK);
    while (iev_next(player, &frame) == IEV_OK) continue;
    CHECK(frame.number == 47);
    iev_header header;
    CHECK(iev_get_header(player, &header) == IEV_OK);
    CHECK(held(player, 2, &header) != 0); /* the last one stays in hand */
    CHECK(iev_seek(player, 46) == IEV_OK && iev_next(player, &frame) == IEV_OK && frame.number == 46);

    /* Without waiting. */
    CHECK(iev_play(player, 4, 4, 0, 5, 0) == IEV_OK);
    FAILS(iev_next_within(player, -1, &frame), IEV_ERROR_USAGE, "-1 seconds");
    FAILS(iev_next_within(player, NAN, &frame), IEV_ERROR_USAGE, "NaN seconds");
    uint32_t next = 0, later = 0;
    for (iev_status status; (status = iev_next_within(player, 0, &frame)) != IEV_END;) {
        if (status == IEV_LATER) later++;
        else CHECK(status == IEV_OK && frame.number == next++);
    }
    CHECK(next == 5 && later > 0);
    CHECK(iev_next_within(player, 1, &frame) == IEV_END && held(player, 2, &header) != 0);
    iev_close(player);
}

/* A file behind functions. */
typedef struct file {
    int descriptor;
    uint64_t broken_from;
    int closed;
} file;

static int64_t read_at(void *user, uint64_t offset, void *buffer, size_t size) {
    file *from = user;
    /* What opening reads of a section is its first bytes. */
    if (offset >= from->broken_from && size > 64) return -ETIMEDOUT;
    ssize_t count = pread(from->descriptor, buffer, size, (off_t)offset);
    return count < 0 ? -errno : count;
}

static int64_t says_too_much(void *user, uint64_t offset, void *buffer, size_t size) {
    (void)user, (void)offset, (void)buffer;
    return (int64_t)size + 1;
}

static void closed(void *user) { ((file *)user)->closed++; }

static void callbacks(const char *path) {
    struct stat status;
    file from = {open(path, O_RDONLY), UINT64_MAX, 0};
    CHECK(from.descriptor >= 0 && fstat(from.descriptor, &status) == 0);
    iev_source source = {&from, (uint64_t)status.st_size, read_at, closed};
    iev_player *player = NULL;
    iev_frame frame;
    iev_header header;
    CHECK(iev_open_source(&source, &ONE_THREAD, &player) == IEV_OK);
    CHECK(iev_get_header(player, &header) == IEV_OK);
    CHECK(iev_play(player, 4, 4, 0, IEV_TO_THE_END, 0) == IEV_OK);
    while (iev_next(player, &frame) == IEV_OK)
        printf("%u %016llx\n", frame.number, (unsigned long long)copied(player, 2, IEV_I420, &header));
    CHECK(frame.number == 47 && from.closed == 0);
    iev_close(player);
    CHECK(from.closed == 1);

    /* What is behind the index cannot be read: the error comes with its byte and the system's words. */
    from.broken_from = 300;
    CHECK(iev_open_source(&source, NULL, &player) == IEV_OK);
    CHECK(iev_play(player, 4, 4, 0, IEV_TO_THE_END, 0) == IEV_OK);
    iev_status last;
    while ((last = iev_next(player, &frame)) == IEV_OK) continue;
    CHECK(last == IEV_ERROR_SOURCE && strstr(iev_error(), "reading at byte ") && strstr(iev_error(), strerror(ETIMEDOUT)));
    iev_close(player);
    CHECK(from.closed == 2);

    /* What fails to open is closed too. */
    player = NULL;
    source.read_at = says_too_much;
    FAILS(iev_open_source(&source, NULL, &player), IEV_ERROR_SOURCE, "says that it read");
    source.read_at = NULL;
    FAILS(iev_open_source(&source, NULL, &player), IEV_ERROR_USAGE, "read_at of the source is NULL");
    source.read_at = read_at;
    FAILS(iev_open_source(&source, NULL, NULL), IEV_ERROR_USAGE, "player is NULL");
    iev_options options = {.board = "toaster"};
    FAILS(iev_open_source(&source, &options, &player), IEV_ERROR_USAGE, "toaster");
    CHECK(from.closed == 6 && player == NULL);
    close(from.descriptor);
}

/* Two players at a time, each with a thread that turns the head while the other takes frames. */
typedef struct seat {
    const char *path;
    iev_player *player;
    uint64_t sum;
} seat;

static void *turn(void *user) {
    seat *at = user;
    for (int turns = 0; turns < 2000; turns++) {
        CHECK(iev_show(at->player, 1u << 2) == IEV_OK);
        iev_header header;
        CHECK(iev_get_header(at->player, &header) == IEV_OK);
    }
    FAILS(iev_show(at->player, 0), IEV_ERROR_USAGE, "empty");
    return NULL;
}

static void *sit(void *user) {
    seat *at = user;
    iev_frame frame;
    iev_header header;
    pthread_t head;
    CHECK(iev_open_file(at->path, &ONE_THREAD, &at->player) == IEV_OK);
    CHECK(iev_get_header(at->player, &header) == IEV_OK);
    CHECK(iev_play(at->player, 4, IEV_ALL_VIEWS & 4, 0, IEV_TO_THE_END, 0) == IEV_OK);
    CHECK(pthread_create(&head, NULL, turn, at) == 0);
    at->sum = EMPTY;
    while (iev_next(at->player, &frame) == IEV_OK) {
        uint64_t one = copied(at->player, 2, IEV_I420, &header);
        at->sum = add(at->sum, &one, sizeof one);
    }
    CHECK(pthread_join(head, NULL) == 0);
    CHECK(strcmp(iev_error(), "") == 0); /* what failed did so in the other thread */
    iev_close(at->player);
    return NULL;
}

static void threads(const char *path) {
    pthread_t threads[2];
    seat seats[2] = {{.path = path}, {.path = path}};
    for (int at = 0; at < 2; at++) CHECK(pthread_create(&threads[at], NULL, sit, &seats[at]) == 0);
    for (int at = 0; at < 2; at++) CHECK(pthread_join(threads[at], NULL) == 0);
    CHECK(seats[0].sum == seats[1].sum && seats[0].sum != EMPTY);
}

/* A row of three cameras half a unit apart. */
static void poses(const char *path) {
    iev_player *player;
    iev_frame frame;
    iev_camera camera;
    CHECK(iev_open_file(path, NULL, &player) == IEV_OK);
    CHECK(iev_get_camera(player, 2, &camera) == IEV_OK);
    CHECK(camera.position[0] == 0.5 && camera.rotation_wxyz[0] == 1 && camera.focal_px[1] == 41);
    FAILS(iev_get_camera(player, 3, &camera), IEV_ERROR_USAGE, "no such view: 3; there are 3");
    FAILS(iev_get_camera(player, 0, NULL), IEV_ERROR_USAGE, "camera is NULL");
    double eyes[6] = {-0.6, 0, 0, 0.1, 0.3, -1}, nowhere[3] = {NAN, 0, 0};
    uint32_t views[2] = {9, 9};
    FAILS(iev_set_poses(player, eyes, 2, views), IEV_ERROR_USAGE, "call iev_play");
    CHECK(iev_play(player, 4, IEV_ALL_VIEWS, 0, IEV_TO_THE_END, 1) == IEV_OK);
    FAILS(iev_set_poses(player, eyes, 0, views), IEV_ERROR_USAGE, "0 poses");
    FAILS(iev_set_poses(player, eyes, 33, views), IEV_ERROR_USAGE, "33 poses");
    FAILS(iev_set_poses(player, NULL, 2, views), IEV_ERROR_USAGE, "positions is NULL");
    FAILS(iev_set_poses(player, nowhere, 1, views), IEV_ERROR_USAGE, "not a number");
    CHECK(views[0] == 9);
    CHECK(iev_set_poses(player, eyes, 2, views) == IEV_OK && views[0] == 0 && views[1] == 1);
    CHECK(iev_set_poses(player, eyes, 2, NULL) == IEV_OK);
    int late = 0;
    while (iev_next(player, &frame) == IEV_OK && frame.views != 3) CHECK(++late < 9);
    CHECK(frame.views == 3);
    iev_close(player);
}

/* The same row: at a camera the picture that it has, between two something else, and refusals. */
static void renders(const char *path) {
    iev_player *player;
    iev_frame frame;
    iev_camera camera, wrong;
    static uint8_t own[32 * 32 * 4], left[32 * 32 * 4], right[32 * 32 * 4], rendered[48 * 40 * 4];
    iev_plane copy = {own, 32 * 4, sizeof own}, plane = {rendered, 32 * 4, sizeof rendered};
    const iev_extent size = {32, 32}, other = {48, 40}, none = {0, 4};
    double seen = -1;
    CHECK(iev_open_file(path, NULL, &player) == IEV_OK);
    CHECK(iev_get_camera(player, 1, &camera) == IEV_OK);
    FAILS(iev_look(player, &camera, 1), IEV_ERROR_USAGE, "call iev_play");
    FAILS(iev_render(player, &camera, &size, IEV_RGBA, &plane, 1, NULL), IEV_ERROR_USAGE, "call iev_next");
    CHECK(iev_play(player, IEV_ALL_VIEWS, IEV_ALL_VIEWS, 0, IEV_TO_THE_END, 0) == IEV_OK);
    CHECK(iev_look(player, &camera, 1) == IEV_OK);
    for (int time = 0; time < 3; time++) {
        /* The first one as it is decoded, the others with their depth. */
        CHECK(iev_next_within(player, 600, &frame) == IEV_OK && frame.views == 7);
        CHECK(iev_copy(player, 1, IEV_RGBA, &copy, 1) == IEV_OK);
        CHECK(iev_render(player, &camera, &size, IEV_RGBA, &plane, 1, &seen) == IEV_OK && seen == 1);
        CHECK(memcmp(own, rendered, sizeof own) == 0);
        iev_camera between = camera;
        between.position[0] += 0.2;
        CHECK(iev_render(player, &between, &size, IEV_RGBA, &plane, 1, &seen) == IEV_OK && seen >= 0 && seen <= 1);
        iev_camera eyes[2] = {camera, between};
        iev_plane both[2] = {{left, 32 * 4, sizeof left}, {right, 32 * 4, sizeof right}};
        double shares[2] = {-1, -1};
        CHECK(iev_render_pair(player, eyes, &size, IEV_RGBA, both, 2, shares) == IEV_OK);
        CHECK(shares[0] == 1 && shares[1] == seen);
        CHECK(memcmp(own, left, sizeof own) == 0 && memcmp(rendered, right, sizeof right) == 0);
        CHECK(iev_render_pair(player, eyes, &size, IEV_RGBA, both, 2, NULL) == IEV_OK);
        FAILS(iev_render_pair(player, eyes, &size, IEV_RGBA, both, 1, shares), IEV_ERROR_USAGE, "1 planes: two");
        FAILS(iev_render_pair(player, NULL, &size, IEV_RGBA, both, 2, shares), IEV_ERROR_USAGE, "cameras is NULL");
        FAILS(iev_render_pair(player, eyes, &size, IEV_RGBA, NULL, 2, shares), IEV_ERROR_USAGE, "planes is NULL");
        plane.stride = 48 * 4;
        CHECK(iev_render(player, &between, &other, IEV_RGBA, &plane, 1, NULL) == IEV_OK);
        plane.stride = 32 * 4;
    }
    seen = -1;
    wrong = camera, wrong.rotation_wxyz[0] = 0.5;
    FAILS(iev_render(player, &wrong, &size, IEV_RGBA, &plane, 1, &seen), IEV_ERROR_USAGE, "no unit quaternion");
    FAILS(iev_look(player, &wrong, 1), IEV_ERROR_USAGE, "no unit quaternion");
    wrong = camera, wrong.position[1] = NAN;
    FAILS(iev_render(player, &wrong, &size, IEV_RGBA, &plane, 1, &seen), IEV_ERROR_USAGE, "not finite");
    FAILS(iev_render(player, &camera, &none, IEV_RGBA, &plane, 1, &seen), IEV_ERROR_USAGE, "1 to 65535");
    FAILS(iev_render(player, &camera, NULL, IEV_RGBA, &plane, 1, &seen), IEV_ERROR_USAGE, "size is NULL");
    FAILS(iev_render(player, NULL, &size, IEV_RGBA, &plane, 1, &seen), IEV_ERROR_USAGE, "camera is NULL");
    FAILS(iev_render(player, &camera, &size, IEV_RGBA, &plane, 2, &seen), IEV_ERROR_USAGE, "2 planes");
    plane.bytes = 99;
    FAILS(iev_render(player, &camera, &size, IEV_RGBA, &plane, 1, &seen), IEV_ERROR_USAGE, "too few");
    FAILS(iev_look(player, NULL, 1), IEV_ERROR_USAGE, "cameras is NULL");
    FAILS(iev_look(player, &camera, 0), IEV_ERROR_USAGE, "0 cameras");
    CHECK(seen == -1);
    iev_close(player);
}

int main(int count, char **arguments) {
    CHECK(count >= 3);
    const char *what = arguments[1], *path = arguments[2];
    if (strcmp(what, "frames") == 0) frames(path, (uint32_t)strtoul(arguments[3], NULL, 0));
    else if (strcmp(what, "header") == 0) header(path);
    else if (strcmp(what, "errors") == 0) errors(path);
    else if (strcmp(what, "seeks") == 0) seeks(path);
    else if (strcmp(what, "callbacks") == 0) callbacks(path);
    else if (strcmp(what, "threads") == 0) threads(path);
    else if (strcmp(what, "poses") == 0) poses(path);
    else if (strcmp(what, "renders") == 0) renders(path);
    else CHECK(!"a test of this name");
    return 0;
}
