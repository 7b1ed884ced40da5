/* Where the assembly of rav1d 1.1.0 for 64-bit Arm finds the fields of two structures. The published crate lacks this
 * header (https://github.com/memorysafety/rav1d/issues/1449). The bytes follow from the order of the fields, which are
 * laid out as in C: of Dav1dFilmGrainData in include/dav1d/headers.rs, of AsmRefMvsFrame in src/refmvs.rs. */

/* Film grain, which streams may not have: it is assembled and never called. */
#define FGD_SEED 0
#define FGD_SCALING_SHIFT 88
#define FGD_AR_COEFF_LAG 92
#define FGD_AR_COEFFS_Y 96
#define FGD_AR_COEFFS_UV 120
#define FGD_AR_COEFF_SHIFT 176
#define FGD_GRAIN_SCALE_SHIFT 184
#define FGD_UV_MULT 188
#define FGD_UV_LUMA_MULT 196
#define FGD_UV_OFFSET 204
#define FGD_CLIP_TO_RESTRICTED_RANGE 216

/* Motion that is predicted from other pictures. */
#define RMVSF_IW8 16
#define RMVSF_MFMV_REF 53
#define RMVSF_MFMV_REF2CUR 56
#define RMVSF_MFMV_REF2REF 68
#define RMVSF_N_MFMVS 152
#define RMVSF_RP_REF 168
#define RMVSF_RP_PROJ 176
#define RMVSF_RP_STRIDE 184
#define RMVSF_N_TILE_THREADS 200
